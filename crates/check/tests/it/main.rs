//! What check refuses, over staged objects that the tests make themselves: silver would not make
//! most of them, which is why check looks.

mod audit;
mod fixture;
mod staging;
