//! Numbers that say nothing about fewer than five people.

use serde::{Serialize, Serializer};

/// People from which on a number about them is shown.
pub const MIN_PEOPLE: u64 = 5;

/// What is shown of a number that is about fewer people.
pub const HIDDEN: &str = "<5";

/// What is shown of a number that would give another one away.
pub const WITHHELD: &str = "hidden";

/// A number, if enough people are behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Figure {
    /// The number.
    Shown(u64),
    /// It is about fewer than [`MIN_PEOPLE`] people.
    #[default]
    Hidden,
    /// It is about enough people, but another number about fewer would follow from it.
    Withheld,
}

impl Figure {
    /// A number about this many people.
    pub const fn about(number: u64, people: u64) -> Self {
        if people < MIN_PEOPLE { Self::Hidden } else { Self::Shown(number) }
    }

    /// A number of people.
    pub const fn of_people(people: u64) -> Self {
        Self::about(people, people)
    }

    /// The number, if it is shown.
    pub const fn number(self) -> Option<u64> {
        match self {
            Self::Shown(number) => Some(number),
            Self::Hidden | Self::Withheld => None,
        }
    }

    /// Whether it is shown.
    pub const fn is_shown(self) -> bool {
        matches!(self, Self::Shown(_))
    }

    /// A share in thousandths. Both the part and the whole are about enough people, or nothing is shown.
    pub const fn permille(part: Self, whole: Self) -> Self {
        match (part, whole) {
            (Self::Shown(part), Self::Shown(whole)) if whole > 0 => Self::Shown(rounded(part * 1000, whole)),
            _ => Self::Hidden,
        }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Shown(number) => serializer.serialize_u64(*number),
            Self::Hidden => serializer.serialize_str(HIDDEN),
            Self::Withheld => serializer.serialize_str(WITHHELD),
        }
    }
}

/// A quotient, rounded to the nearest; 0 if there is nothing to divide by.
pub const fn rounded(number: u64, divisor: u64) -> u64 {
    match (number + divisor / 2).checked_div(divisor) {
        Some(quotient) => quotient,
        None => 0,
    }
}

/// The median, rounded, of numbers of which some are hidden: a hidden one counts as the least. Hidden
/// if it is not shown itself.
pub fn median(mut figures: Vec<Figure>) -> Figure {
    figures.sort_unstable_by_key(|figure| figure.number());
    let half = figures.len() / 2;
    match (figures.len() % 2, figures.get(half.wrapping_sub(1)), figures.get(half)) {
        (1, _, Some(middle)) => *middle,
        (0, Some(Figure::Shown(low)), Some(Figure::Shown(high))) => Figure::Shown(rounded(low + high, 2)),
        _ => Figure::Hidden,
    }
}

/// Hides one more number where exactly one of several is hidden whose sum is shown: it would follow
/// from the others. The least of the others goes, the first of equal ones.
pub fn protect<'f>(figures: impl Iterator<Item = &'f mut Figure>) {
    let mut figures: Vec<&mut Figure> = figures.collect();
    if figures.iter().filter(|figure| !figure.is_shown()).count() == 1
        && let Some(least) =
            figures.iter_mut().filter(|figure| figure.number().is_some()).min_by_key(|figure| figure.number())
    {
        **least = Figure::Withheld;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Figure::{Hidden, Shown, Withheld};

    #[test]
    fn few_people_hide_a_number() {
        assert_eq!((Figure::about(70, 4), Figure::about(70, 5)), (Hidden, Shown(70)));
        assert_eq!((Figure::of_people(0), Figure::of_people(5)), (Hidden, Shown(5)));
        assert_eq!(Figure::permille(Shown(1), Shown(3)), Shown(333));
        assert_eq!(Figure::permille(Hidden, Shown(3)), Hidden);
        assert_eq!(serde_json::to_string(&[Shown(7), Hidden, Withheld]).unwrap(), "[7,\"<5\",\"hidden\"]");
    }

    #[test]
    fn no_hidden_number_follows_from_a_sum() {
        let protected = |mut figures: Vec<Figure>| {
            protect(figures.iter_mut());
            figures
        };
        assert_eq!(
            protected(vec![Shown(9), Hidden, Shown(7), Shown(7)]),
            [Shown(9), Hidden, Withheld, Shown(7)]
        );
        assert_eq!(protected(vec![Shown(9), Hidden, Hidden]), [Shown(9), Hidden, Hidden]);
        assert_eq!(protected(vec![Shown(9), Shown(8)]), [Shown(9), Shown(8)]);
        assert_eq!(protected(vec![Hidden]), [Hidden]);
    }

    #[test]
    fn medians_are_of_whole_lists() {
        assert_eq!(median(vec![Shown(9), Hidden, Shown(7)]), Shown(7));
        assert_eq!(median(vec![Shown(9), Shown(6)]), Shown(8));
        assert_eq!(median(vec![Hidden, Shown(6)]), Hidden);
        assert_eq!(median(vec![]), Hidden);
    }
}
