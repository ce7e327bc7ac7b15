//! How a text is spelled that a pattern reads: every character is one that the pattern writes.
//!
//! Only two liberties are taken, since neither can change the meaning: a leading zero may be
//! missing where something other than a number stands on both sides (`1/8/2011`), and names may
//! be written in any case (`12-AUG-11`).

use chrono::Weekday;
use chrono::format::{Fixed, Item, Numeric, Pad, Parsed, StrftimeItems};

/// A pattern's codes, in order.
#[derive(Debug, Clone)]
pub(super) struct Spelling(Vec<Step>);

#[derive(Debug, Clone)]
enum Step {
    /// These bytes.
    Literal(Box<[u8]>),
    /// ASCII digits.
    Number {
        field: Numeric,
        fewest_digits: usize,
        most_digits: usize,
        /// A blank stands where a leading zero would.
        blank_padded: bool,
    },
    /// Seconds since 1970-01-01, with a minus where they are before it.
    UnixSeconds,
    Month(Names),
    Weekday(Names),
    /// `AM` or `PM`.
    HalfDay,
    /// The fraction of a second.
    Fraction {
        point: bool,
        digits: FractionDigits,
    },
    Offset(OffsetForm),
}

#[derive(Debug, Clone, Copy)]
enum Names {
    Short,
    Long,
}

#[derive(Debug, Clone, Copy)]
enum FractionDigits {
    /// Nothing at all, or any number of digits.
    Any,
    Exactly(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OffsetForm {
    /// `+02`
    Hours,
    /// `+0200`
    Minutes,
    /// `+02:00`
    ColonMinutes,
    /// `+02:00:00`
    ColonSeconds,
    /// `+02:00` or `Z`
    ColonMinutesOrZ,
    /// Any of the forms to the minute, or `Z`.
    Any,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("Monday", Weekday::Mon),
    ("Tuesday", Weekday::Tue),
    ("Wednesday", Weekday::Wed),
    ("Thursday", Weekday::Thu),
    ("Friday", Weekday::Fri),
    ("Saturday", Weekday::Sat),
    ("Sunday", Weekday::Sun),
];

impl Spelling {
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let items = StrftimeItems::new(pattern)
            .parse_to_owned()
            .map_err(|_| format!("`{pattern}` is not a pattern of chrono"))?;
        let mut steps = Vec::with_capacity(items.len());
        for item in &items {
            steps.extend(step(item).map_err(|why| format!("pattern `{pattern}` has {why}"))?);
        }
        // Between two numbers nothing says where the first ends, so both are as wide as written.
        for index in 0..steps.len() {
            let touches = index
                .checked_sub(1)
                .is_some_and(|before| steps[before].ends_with_digit())
                || steps.get(index + 1).is_some_and(Step::begins_with_digit);
            if let Step::Number {
                fewest_digits,
                most_digits,
                ..
            } = &mut steps[index]
                && touches
            {
                *fewest_digits = *most_digits;
            }
        }
        Ok(Self(steps))
    }

    /// Reads a text to its end into `parsed`; `None` where it is not spelled so, or a field has a
    /// value that it cannot have.
    pub(super) fn read(&self, text: &[u8], parsed: &mut Parsed) -> Option<()> {
        let mut rest = text;
        for step in &self.0 {
            rest = step.read(rest, parsed)?;
        }
        rest.is_empty().then_some(())
    }
}

/// What an item of chrono's reads; the error completes "pattern `…` has …".
fn step(item: &Item<'_>) -> Result<Vec<Step>, String> {
    let one = |step| Ok(vec![step]);
    match item {
        Item::Literal(text) | Item::Space(text) => one(Step::Literal(text.as_bytes().into())),
        Item::OwnedLiteral(text) | Item::OwnedSpace(text) => {
            one(Step::Literal(text.as_bytes().into()))
        }
        Item::Numeric(Numeric::Timestamp, _) => one(Step::UnixSeconds),
        Item::Numeric(field, pad) => number(field, *pad).map(|step| vec![step]),
        Item::Fixed(fixed) => match fixed {
            Fixed::ShortMonthName => one(Step::Month(Names::Short)),
            Fixed::LongMonthName => one(Step::Month(Names::Long)),
            Fixed::ShortWeekdayName => one(Step::Weekday(Names::Short)),
            Fixed::LongWeekdayName => one(Step::Weekday(Names::Long)),
            Fixed::LowerAmPm | Fixed::UpperAmPm => one(Step::HalfDay),
            Fixed::Nanosecond => one(Step::fraction(true, FractionDigits::Any)),
            Fixed::Nanosecond3 => one(Step::fraction(true, FractionDigits::Exactly(3))),
            Fixed::Nanosecond6 => one(Step::fraction(true, FractionDigits::Exactly(6))),
            Fixed::Nanosecond9 => one(Step::fraction(true, FractionDigits::Exactly(9))),
            Fixed::TimezoneOffset => one(Step::Offset(OffsetForm::Minutes)),
            Fixed::TimezoneOffsetColon => one(Step::Offset(OffsetForm::ColonMinutes)),
            Fixed::TimezoneOffsetDoubleColon => one(Step::Offset(OffsetForm::ColonSeconds)),
            Fixed::TimezoneOffsetTripleColon => one(Step::Offset(OffsetForm::Hours)),
            Fixed::RFC3339 => rfc3339(),
            Fixed::TimezoneName => Err(
                "`%Z`, and names of time zones are ambiguous; use `timezone` or `%z`".to_owned(),
            ),
            // Some of chrono's items have no public name, only a spelling.
            _ => {
                let named = |pattern: &'static str| StrftimeItems::new(pattern).next();
                [
                    ("%3f", Step::fraction(false, FractionDigits::Exactly(3))),
                    ("%6f", Step::fraction(false, FractionDigits::Exactly(6))),
                    ("%9f", Step::fraction(false, FractionDigits::Exactly(9))),
                    ("%#z", Step::Offset(OffsetForm::Any)),
                ]
                .into_iter()
                .find(|(pattern, _)| named(pattern).as_ref() == Some(item))
                .map(|(_, step)| vec![step])
                .ok_or_else(|| "a code that cannot be used to read a text".to_owned())
            }
        },
        Item::Error => Err("a code that chrono does not know".to_owned()),
    }
}

/// `%+`: `2011-08-12T09:04:05.5+02:00`.
fn rfc3339() -> Result<Vec<Step>, String> {
    let mut steps = Spelling::new("%Y-%m-%dT%H:%M:%S%.f")?.0;
    for step in &mut steps {
        if let Step::Number {
            fewest_digits,
            most_digits,
            ..
        } = step
        {
            *fewest_digits = *most_digits;
        }
    }
    steps.push(Step::Offset(OffsetForm::ColonMinutesOrZ));
    Ok(steps)
}

fn number(field: &Numeric, pad: Pad) -> Result<Step, String> {
    let (fewest_digits, most_digits) = match field {
        Numeric::Year | Numeric::IsoYear => (4, 4),
        Numeric::YearDiv100
        | Numeric::YearMod100
        | Numeric::IsoYearDiv100
        | Numeric::IsoYearMod100 => (2, 2),
        Numeric::Quarter | Numeric::NumDaysFromSun | Numeric::WeekdayFromMon => (1, 1),
        Numeric::Month
        | Numeric::Day
        | Numeric::WeekFromSun
        | Numeric::WeekFromMon
        | Numeric::IsoWeek
        | Numeric::Hour
        | Numeric::Hour12
        | Numeric::Minute
        | Numeric::Second => (1, 2),
        Numeric::Ordinal => (1, 3),
        Numeric::Nanosecond => (9, 9),
        _ => return Err("a code that cannot be used to read a text".to_owned()),
    };
    Ok(Step::Number {
        field: field.clone(),
        fewest_digits,
        most_digits,
        blank_padded: pad == Pad::Space,
    })
}

impl Step {
    fn fraction(point: bool, digits: FractionDigits) -> Self {
        Self::Fraction { point, digits }
    }

    fn begins_with_digit(&self) -> bool {
        match self {
            Self::Literal(text) => text.first().is_some_and(u8::is_ascii_digit),
            Self::Number { blank_padded, .. } => !blank_padded,
            Self::UnixSeconds => true,
            Self::Fraction { point, .. } => !point,
            Self::Month(_) | Self::Weekday(_) | Self::HalfDay | Self::Offset(_) => false,
        }
    }

    fn ends_with_digit(&self) -> bool {
        match self {
            Self::Literal(text) => text.last().is_some_and(u8::is_ascii_digit),
            Self::Number { .. } | Self::UnixSeconds | Self::Fraction { .. } | Self::Offset(_) => {
                true
            }
            Self::Month(_) | Self::Weekday(_) | Self::HalfDay => false,
        }
    }

    /// Reads what the step stands for; returns what follows it.
    fn read<'text>(&self, text: &'text [u8], parsed: &mut Parsed) -> Option<&'text [u8]> {
        match self {
            Self::Literal(literal) => text.strip_prefix(&literal[..]),
            Self::Number {
                field,
                fewest_digits,
                most_digits,
                blank_padded,
            } => {
                let blanks = match blank_padded {
                    true => leading(text, most_digits - 1, |byte| byte == b' '),
                    false => 0,
                };
                let count = leading(&text[blanks..], most_digits - blanks, |byte| {
                    byte.is_ascii_digit()
                });
                let fewest = if blanks > 0 { 1 } else { *fewest_digits };
                if count < fewest || (blanks > 0 && blanks + count != *most_digits) {
                    return None;
                }
                let (digits, rest) = text[blanks..].split_at(count);
                set(parsed, field, value_of(digits)?)?;
                Some(rest)
            }
            Self::UnixSeconds => {
                let negative = text.first() == Some(&b'-');
                let unsigned = &text[usize::from(negative)..];
                let count = leading(unsigned, 18, |byte| byte.is_ascii_digit());
                let (digits, rest) = unsigned.split_at(count);
                // As it is written: no leading zero, and no zero with a sign.
                if digits.is_empty() || (digits[0] == b'0' && (count > 1 || negative)) {
                    return None;
                }
                let value = value_of(digits)?;
                parsed
                    .set_timestamp(if negative { -value } else { value })
                    .ok()?;
                Some(rest)
            }
            Self::Month(names) => {
                let mut months = (1_i64..).zip(MONTHS);
                months.find_map(|(month, name)| {
                    let rest = strip_name(text, name, *names)?;
                    parsed.set_month(month).ok()?;
                    Some(rest)
                })
            }
            Self::Weekday(names) => WEEKDAYS.iter().find_map(|(name, weekday)| {
                let rest = strip_name(text, name, *names)?;
                parsed.set_weekday(*weekday).ok()?;
                Some(rest)
            }),
            Self::HalfDay => {
                let (half, rest) = text.split_at_checked(2)?;
                let is_afternoon = half.eq_ignore_ascii_case(b"pm");
                if !is_afternoon && !half.eq_ignore_ascii_case(b"am") {
                    return None;
                }
                parsed.set_ampm(is_afternoon).ok()?;
                Some(rest)
            }
            Self::Fraction { point, digits } => read_fraction(text, *point, *digits, parsed),
            Self::Offset(form) => {
                let (seconds, rest) = read_offset(text, *form)?;
                parsed.set_offset(seconds).ok()?;
                Some(rest)
            }
        }
    }
}

/// How many of the first bytes, at most `most`, are of a kind.
fn leading(text: &[u8], most: usize, is_of_kind: impl Fn(u8) -> bool) -> usize {
    let bytes = text.iter().take(most);
    bytes.take_while(|byte| is_of_kind(**byte)).count()
}

/// The value of up to 18 digits; `None` where one is not a digit.
fn value_of(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| value * 10 + i64::from(digit))
    })
}

fn set(parsed: &mut Parsed, field: &Numeric, value: i64) -> Option<()> {
    match field {
        Numeric::Year => parsed.set_year(value),
        Numeric::YearDiv100 => parsed.set_year_div_100(value),
        Numeric::YearMod100 => parsed.set_year_mod_100(value),
        Numeric::IsoYear => parsed.set_isoyear(value),
        Numeric::IsoYearDiv100 => parsed.set_isoyear_div_100(value),
        Numeric::IsoYearMod100 => parsed.set_isoyear_mod_100(value),
        Numeric::Quarter => parsed.set_quarter(value),
        Numeric::Month => parsed.set_month(value),
        Numeric::Day => parsed.set_day(value),
        Numeric::WeekFromSun => parsed.set_week_from_sun(value),
        Numeric::WeekFromMon => parsed.set_week_from_mon(value),
        Numeric::IsoWeek => parsed.set_isoweek(value),
        // Sunday is 0 here and 7 there.
        Numeric::NumDaysFromSun => parsed.set_weekday(weekday((value + 6) % 7, value < 7)?),
        Numeric::WeekdayFromMon => {
            parsed.set_weekday(weekday(value - 1, (1..=7).contains(&value))?)
        }
        Numeric::Ordinal => parsed.set_ordinal(value),
        Numeric::Hour => parsed.set_hour(value),
        Numeric::Hour12 => parsed.set_hour12(value),
        Numeric::Minute => parsed.set_minute(value),
        // A leap second is not an instant of its day.
        Numeric::Second if value > 59 => return None,
        Numeric::Second => parsed.set_second(value),
        Numeric::Nanosecond => parsed.set_nanosecond(value),
        _ => return None,
    }
    .ok()
}

fn weekday(from_monday: i64, is_one: bool) -> Option<Weekday> {
    let (_, weekday) = WEEKDAYS.get(usize::try_from(from_monday).ok()?)?;
    is_one.then_some(*weekday)
}

fn strip_name<'text>(text: &'text [u8], name: &str, names: Names) -> Option<&'text [u8]> {
    let name = match names {
        Names::Short => &name.as_bytes()[..3],
        Names::Long => name.as_bytes(),
    };
    let (found, rest) = text.split_at_checked(name.len())?;
    found.eq_ignore_ascii_case(name).then_some(rest)
}

fn read_fraction<'text>(
    text: &'text [u8],
    point: bool,
    digits: FractionDigits,
    parsed: &mut Parsed,
) -> Option<&'text [u8]> {
    let behind_point = match (point, text.first()) {
        (false, _) => text,
        (true, Some(b'.')) => &text[1..],
        (true, _) => return matches!(digits, FractionDigits::Any).then_some(text),
    };
    let most = match digits {
        FractionDigits::Any => usize::MAX,
        FractionDigits::Exactly(count) => count,
    };
    let count = leading(behind_point, most, |byte| byte.is_ascii_digit());
    if count == 0 || (most != usize::MAX && count != most) {
        return None;
    }
    let (digits, rest) = behind_point.split_at(count);
    let (nanoseconds, beyond) = digits.split_at(count.min(9));
    if beyond.iter().any(|digit| *digit != b'0') {
        return None;
    }
    let missing = 9 - nanoseconds.len() as u32;
    parsed
        .set_nanosecond(value_of(nanoseconds)? * 10_i64.pow(missing))
        .ok()?;
    Some(rest)
}

/// Seconds east of UTC, and what follows.
fn read_offset(text: &[u8], form: OffsetForm) -> Option<(i64, &[u8])> {
    let negative = match text.first()? {
        b'Z' if matches!(form, OffsetForm::ColonMinutesOrZ | OffsetForm::Any) => {
            return Some((0, &text[1..]));
        }
        b'+' => false,
        b'-' => true,
        _ => return None,
    };
    let pair = |text: &[u8]| -> Option<i64> { value_of(text.get(..2)?) };
    let hours = pair(&text[1..])?;
    let rest = &text[3..];
    let colon_pair = |rest: &[u8]| rest.strip_prefix(b":").and_then(pair);
    let (minutes, seconds, length) = match form {
        OffsetForm::Hours => (0, 0, 0),
        OffsetForm::Minutes => (pair(rest)?, 0, 2),
        OffsetForm::ColonMinutes | OffsetForm::ColonMinutesOrZ => (colon_pair(rest)?, 0, 3),
        OffsetForm::ColonSeconds => (colon_pair(rest)?, colon_pair(&rest[3..])?, 6),
        OffsetForm::Any => match (colon_pair(rest), pair(rest)) {
            (Some(minutes), _) => (minutes, 0, 3),
            (None, Some(minutes)) => (minutes, 0, 2),
            (None, None) => (0, 0, 0),
        },
    };
    if hours > 23 || minutes > 59 || seconds > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60 + seconds;
    Some((if negative { -seconds } else { seconds }, &rest[length..]))
}

#[cfg(test)]
mod tests {
    use chrono::format::parse;
    use chrono::{DateTime, NaiveDateTime, Utc};
    use proptest::prelude::*;

    use super::super::Pattern;
    use super::*;

    const PATTERNS: [&str; 16] = [
        "%d/%m/%Y %H:%M:%S",
        "%m/%d/%Y %I:%M:%S %p",
        "%-d.%-m.%Y %-H:%M:%S",
        "%Y%m%d%H%M%S",
        "%Y%m%d %H%M%S",
        "%d%b%Y:%H:%M:%S",
        "%A, %d %B %Y %T",
        "%a %e %b %Y %k:%M:%S",
        "%Y-%j %R:%S",
        "%G-W%V-%u %H:%M:%S",
        "%Y %U %w %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S%:z",
        "%Y-%m-%d %H:%M:%S%z",
        "%F %X%.3f",
        "%c",
        "%s",
    ];

    fn seconds(pattern: &str, text: &str) -> Option<i64> {
        let micros = Pattern::new(pattern)
            .unwrap()
            .timestamp(text.as_bytes(), chrono_tz::UTC)?;
        Some(micros.div_euclid(1_000_000))
    }

    fn written(pattern: &str, seconds: i64) -> String {
        let at: DateTime<Utc> = DateTime::from_timestamp(seconds, 0).unwrap();
        at.format(pattern).to_string()
    }

    /// A text without the leading zeros of numbers of up to three digits, and without the blank
    /// that stands for one, in one case. Years keep theirs: they have four digits.
    fn unpadded(text: &str) -> String {
        let mut unpadded = String::new();
        let lower = text.to_lowercase();
        let mut rest = lower.as_str();
        while let Some(first) = rest.chars().next() {
            let digits = rest.find(|next: char| !next.is_ascii_digit());
            let (run, behind) = rest.split_at(digits.unwrap_or(rest.len()));
            match run.len() {
                0 => {
                    unpadded.push(first);
                    rest = &rest[first.len_utf8()..];
                    continue;
                }
                1..=3 => {
                    if run.len() == 1 && unpadded.ends_with("  ") {
                        unpadded.pop();
                    }
                    let significant = run.trim_start_matches('0');
                    unpadded.push_str(if significant.is_empty() {
                        "0"
                    } else {
                        significant
                    });
                }
                _ => unpadded.push_str(run),
            }
            rest = behind;
        }
        unpadded
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn reads_what_the_pattern_writes(
            pattern in 0..PATTERNS.len(),
            at in -62_135_596_800_i64..253_402_300_800,
        ) {
            let pattern = PATTERNS[pattern];
            prop_assert_eq!(seconds(pattern, &written(pattern, at)), Some(at), "{}", pattern);
        }

        /// Any text that is taken is what the pattern writes for its value, leading zeros and
        /// letters' case aside; and chrono, which takes more, takes it for the same.
        #[test]
        fn takes_nothing_but_its_own_spelling(
            pattern in 0..PATTERNS.len(),
            at in -62_135_596_800_i64..253_402_300_800,
            edits in prop::collection::vec((0_usize..60, 0_u8..3, "[-+ \\t0-9:/.,aAZ]"), 0..4),
        ) {
            let pattern = PATTERNS[pattern];
            let mut text: Vec<char> = written(pattern, at).chars().collect();
            for (place, kind, character) in edits {
                let place = place % (text.len() + 1);
                let character = character.chars().next().unwrap_or(' ');
                match (kind, place < text.len()) {
                    (0, true) => { text.remove(place); }
                    (1, true) => text[place] = character,
                    _ => text.insert(place, character),
                }
            }
            let text: String = text.into_iter().collect();
            if let Some(value) = seconds(pattern, &text) {
                // An offset and a fraction are not written back from a number of seconds.
                if !pattern.contains('z') && !pattern.contains("%.") {
                    prop_assert_eq!(unpadded(&text), unpadded(&written(pattern, value)), "{}", pattern);
                }
                // chrono writes seconds before 1970 and does not read them.
                if pattern == "%s" {
                    return Ok(());
                }
                let mut parsed = Parsed::new();
                prop_assert!(parse(&mut parsed, &text, StrftimeItems::new(pattern)).is_ok());
                let offset = parsed.offset().unwrap_or(0);
                let local: NaiveDateTime = parsed.to_naive_datetime_with_offset(offset).unwrap();
                let expected = local.and_utc().timestamp() - i64::from(offset);
                prop_assert_eq!(value, expected, "{} {:?}", pattern, text);
            }
        }

        #[test]
        fn never_panics(pattern in 0..PATTERNS.len(), text in "[-+0-9T:Z./ a-z]{0,40}") {
            let _ = seconds(PATTERNS[pattern], &text);
            let _ = seconds("%Y-%m-%d %H:%M:%S %::z", &text);
            let _ = seconds("%Y-%m-%dT%H:%M:%S%#z", &text);
        }
    }
}
