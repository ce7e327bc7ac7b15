//! What can be wrong with a line.

/// A flaw of a line, as real deliveries have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// No transaction id: the field is absent, or null.
    MissingTransactionId,
    /// A text where the amount should be.
    AmountText,
    /// `NaN`, as some JSON writers print a missing number.
    AmountNan,
    /// A date that no calendar has.
    ImpossibleDate,
    /// Half a piece.
    FractionalQuantity,
    /// An amount with three decimals.
    TooManyDecimals,
    /// A quantity below one.
    NegativeQuantity,
    /// A line that ends in the middle.
    BrokenLine,
    /// The field `amount` twice, with two values.
    DuplicateKey,
    /// An earlier line once more, byte for byte.
    ExactDuplicate,
    /// An earlier transaction with a newer date and another amount.
    Redelivery,
    /// A field that the contract does not name.
    UnknownField,
}

impl Flaw {
    /// All kinds, in the order in which they take turns.
    pub const ALL: [Self; 12] = [
        Self::MissingTransactionId,
        Self::AmountText,
        Self::ExactDuplicate,
        Self::AmountNan,
        Self::ImpossibleDate,
        Self::Redelivery,
        Self::FractionalQuantity,
        Self::TooManyDecimals,
        Self::UnknownField,
        Self::NegativeQuantity,
        Self::BrokenLine,
        Self::DuplicateKey,
    ];

    /// The name in help and summary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MissingTransactionId => "missing-transaction-id",
            Self::AmountText => "amount-text",
            Self::AmountNan => "amount-nan",
            Self::ImpossibleDate => "impossible-date",
            Self::FractionalQuantity => "fractional-quantity",
            Self::TooManyDecimals => "too-many-decimals",
            Self::NegativeQuantity => "negative-quantity",
            Self::BrokenLine => "broken-line",
            Self::DuplicateKey => "duplicate-key",
            Self::ExactDuplicate => "exact-duplicate",
            Self::Redelivery => "redelivery",
            Self::UnknownField => "unknown-field",
        }
    }

    /// What it looks like, and what the pipeline does with it.
    pub const fn description(self) -> &'static str {
        match self {
            Self::MissingTransactionId => "no transaction_id, or null: quarantined",
            Self::AmountText => "`\"amount\":\"about 20\"`: quarantined",
            Self::AmountNan => "`\"amount\":NaN`: quarantined",
            Self::ImpossibleDate => "`\"date\":\"32/13/2025\"`: quarantined",
            Self::FractionalQuantity => "`\"quantity\":2.5`: quarantined",
            Self::TooManyDecimals => "`\"amount\":12.345`: quarantined, never rounded",
            Self::NegativeQuantity => "`\"quantity\":-1`: quarantined",
            Self::BrokenLine => "the line ends in the middle: quarantined",
            Self::DuplicateKey => "`amount` given twice: quarantined",
            Self::ExactDuplicate => "an earlier line again: a duplicate, one is published",
            Self::Redelivery => "an earlier sale, corrected later: the newer one is published",
            Self::UnknownField => {
                "an extra field `cashier`: discarded and counted, the row is published"
            }
        }
    }

    /// Whether the line is another row's transaction.
    pub(crate) const fn repeats_earlier_row(self) -> bool {
        matches!(self, Self::ExactDuplicate | Self::Redelivery)
    }
}
