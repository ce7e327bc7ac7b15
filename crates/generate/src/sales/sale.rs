//! One sale: what it says, and how it is written.

use super::catalogue::{
    ADJECTIVES, CATEGORIES, FIRST_NAMES, LAST_NAMES, NAMESAKES, PRODUCTS, SHOPS,
};
use super::day::Day;
use super::flaw::Flaw;
use crate::random::mix;

/// Sales happen from 06:00 to 22:00 UTC: a redelivery up to an hour later is of the same day.
const OPENING_SECOND: i32 = 6 * 3600;
const OPEN_SECONDS: u64 = 16 * 3600;

/// How a sale writes its time; chosen per shop's till, mixed as in real deliveries.
#[derive(Clone, Copy)]
enum Zone {
    Zulu,
    None,
    Ahead,
    Behind,
}

impl Zone {
    const fn offset_secs(self) -> i32 {
        match self {
            Self::Zulu | Self::None => 0,
            Self::Ahead => 2 * 3600,
            Self::Behind => -5 * 3600,
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            Self::Zulu => "Z",
            Self::None => "",
            Self::Ahead => "+02:00",
            Self::Behind => "-05:00",
        }
    }
}

/// A sale, made from nothing but its day's seed and its number.
pub(super) struct Sale {
    row: u64,
    shop: &'static str,
    second: i32,
    zone: Zone,
    client: Option<(&'static str, &'static str, u64)>,
    product: u64,
    quantity: u64,
    amount_cents: u64,
}

impl Sale {
    pub(super) fn at(day: &Day, row: u64) -> Self {
        let mut random = day.random_of(row);
        let choice = random.next_u64();
        let product = random.below(PRODUCTS);
        let client = random.below((FIRST_NAMES.len() * LAST_NAMES.len()) as u64 * NAMESAKES);
        // One in twenty clients leaves no address.
        let anonymous = choice & 0xff < 13;
        let quantity = [1, 1, 1, 1, 2, 2, 3, 6][(choice >> 8 & 7) as usize];
        let zone = match choice >> 16 & 0xff {
            0..180 => Zone::Zulu,
            180..192 => Zone::None,
            192..232 => Zone::Ahead,
            _ => Zone::Behind,
        };
        // One in eight sales has 10 % off, so that an amount is not always price × quantity.
        let full_cents = unit_price_cents(product) * quantity;
        let amount_cents = if choice >> 24 & 7 == 0 {
            full_cents - full_cents / 10
        } else {
            full_cents
        };
        Self {
            row,
            shop: SHOPS[((choice >> 32) % SHOPS.len() as u64) as usize],
            second: OPENING_SECOND + random.below(OPEN_SECONDS) as i32,
            zone,
            client: (!anonymous).then(|| {
                let (name, namesake) = (client / NAMESAKES, client % NAMESAKES);
                let first = FIRST_NAMES[(name % FIRST_NAMES.len() as u64) as usize];
                let last = LAST_NAMES[(name / FIRST_NAMES.len() as u64) as usize];
                (first, last, namesake)
            }),
            product,
            quantity,
            amount_cents,
        }
    }

    /// Appends the sale as another row's line: a repetition, or a correction dated later.
    pub(super) fn write_again(mut self, day: &Day, flaw: Flaw, line: &mut Vec<u8>) {
        if flaw == Flaw::Redelivery {
            self.second += 60 + (mix(self.row) % 3540) as i32;
            self.amount_cents += 100;
        }
        self.write(day, None, line);
    }

    /// Appends the sale as one line, with a flaw where one is asked for.
    pub(super) fn write(&self, day: &Day, flaw: Option<Flaw>, line: &mut Vec<u8>) {
        let start = line.len();
        line.push(b'{');
        self.write_transaction_id(day, flaw, line);
        self.write_amount(flaw, line);
        self.write_date(day, flaw, line);
        self.write_client(line);
        self.write_product(line);
        line.extend_from_slice(b",\"quantity\":");
        match flaw {
            Some(Flaw::FractionalQuantity) => line.extend_from_slice(b"2.5"),
            Some(Flaw::NegativeQuantity) => line.extend_from_slice(b"-1"),
            _ => push_number(line, self.quantity, 1),
        }
        if flaw == Some(Flaw::UnknownField) {
            line.extend_from_slice(b",\"cashier\":\"till ");
            push_number(line, self.row % 9 + 1, 1);
            line.push(b'"');
        }
        line.push(b'}');
        if flaw == Some(Flaw::BrokenLine) {
            line.truncate(start + (line.len() - start) * 3 / 5);
        }
        line.push(b'\n');
    }

    fn write_transaction_id(&self, day: &Day, flaw: Option<Flaw>, line: &mut Vec<u8>) {
        if flaw == Some(Flaw::MissingTransactionId) {
            if self.row.is_multiple_of(2) {
                line.extend_from_slice(b"\"transaction_id\":null,");
            }
            return;
        }
        line.extend_from_slice(b"\"transaction_id\":\"");
        line.extend_from_slice(self.shop.as_bytes());
        line.push(b'-');
        line.extend_from_slice(day.compact.as_bytes());
        line.push(b'-');
        push_number(line, self.row, 8);
        line.extend_from_slice(b"\",");
    }

    fn write_amount(&self, flaw: Option<Flaw>, line: &mut Vec<u8>) {
        line.extend_from_slice(b"\"amount\":");
        match flaw {
            Some(Flaw::AmountText) => line.extend_from_slice(b"\"about 20\""),
            Some(Flaw::AmountNan) => line.extend_from_slice(b"NaN"),
            Some(Flaw::TooManyDecimals) => {
                push_cents(line, self.amount_cents);
                line.push(b'5');
            }
            Some(Flaw::DuplicateKey) => {
                push_cents(line, self.amount_cents);
                line.extend_from_slice(b",\"amount\":");
                push_cents(line, self.amount_cents + 1);
            }
            _ => push_cents(line, self.amount_cents),
        }
    }

    fn write_date(&self, day: &Day, flaw: Option<Flaw>, line: &mut Vec<u8>) {
        if flaw == Some(Flaw::ImpossibleDate) {
            line.extend_from_slice(b",\"date\":\"32/13/2025\"");
            return;
        }
        let (date, second) = day.local(self.second + self.zone.offset_secs());
        line.extend_from_slice(b",\"date\":\"");
        line.extend_from_slice(date.as_bytes());
        line.push(b'T');
        push_number(line, u64::from(second / 3600), 2);
        line.push(b':');
        push_number(line, u64::from(second / 60 % 60), 2);
        line.push(b':');
        push_number(line, u64::from(second % 60), 2);
        line.extend_from_slice(self.zone.suffix().as_bytes());
        line.push(b'"');
    }

    fn write_client(&self, line: &mut Vec<u8>) {
        let Some((first, last, namesake)) = self.client else {
            line.extend_from_slice(b",\"client\":null");
            return;
        };
        line.extend_from_slice(b",\"client\":\"");
        line.extend_from_slice(first.as_bytes());
        line.push(b'.');
        line.extend_from_slice(last.as_bytes());
        if namesake > 0 {
            push_number(line, namesake, 1);
        }
        // A domain that is nobody's (RFC 2606).
        line.extend_from_slice(b"@example.com\"");
    }

    fn write_product(&self, line: &mut Vec<u8>) {
        let (category, nouns) = &CATEGORIES[(self.product % 8) as usize];
        line.extend_from_slice(b",\"product\":{\"id\":\"P");
        push_number(line, self.product + 1, 4);
        line.extend_from_slice(b"\",\"name\":\"");
        line.extend_from_slice(ADJECTIVES[(self.product / 64 % 8) as usize].as_bytes());
        line.push(b' ');
        line.extend_from_slice(nouns[(self.product / 8 % 8) as usize].as_bytes());
        line.extend_from_slice(b"\",\"category\":\"");
        line.extend_from_slice(category.as_bytes());
        line.extend_from_slice(b"\",\"unit_price\":");
        push_cents(line, unit_price_cents(self.product));
        line.push(b'}');
    }
}

/// A product costs the same in every sample: 1.25 to 121.24.
fn unit_price_cents(product: u64) -> u64 {
    125 + mix(product ^ 0x7072_6963_6500) % 12_000
}

/// Appends a number, with zeros before it up to `width` digits.
fn push_number(line: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    line.extend_from_slice(&digits[start.min(digits.len() - width)..]);
}

/// Appends an amount of money: always two decimals, as tills print it.
fn push_cents(line: &mut Vec<u8>, cents: u64) {
    push_number(line, cents / 100, 1);
    line.push(b'.');
    push_number(line, cents % 100, 2);
}
