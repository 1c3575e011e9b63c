//! Figures in words.

use super::figure::{Figure, HIDDEN, rounded};
use super::report::Compared;
use crate::model::with_separators;

/// Below this number before, both numbers are named instead of a percentage.
const MIN_BASE: u64 = 30;

/// A number for readers.
pub fn number(figure: Figure) -> String {
    figure.number().map_or_else(|| HIDDEN.to_owned(), with_separators)
}

/// Thousandths as a percentage: one decimal below 10 %.
pub fn percent(permille: Figure) -> String {
    match permille {
        Figure::Hidden => format!("{HIDDEN} people"),
        Figure::Shown(permille) if permille < 100 && permille % 10 != 0 => {
            format!("{}.{} %", permille / 10, permille % 10)
        }
        Figure::Shown(permille) => format!("{} %", rounded(permille, 10)),
    }
}

/// Minutes, as hours from one hour on, as days from two days on.
pub fn duration(minutes: Figure) -> String {
    let Figure::Shown(minutes) = minutes else { return HIDDEN.to_owned() };
    match minutes {
        0..60 => format!("{minutes} min"),
        60..600 if minutes % 60 > 0 => format!("{} h {} min", minutes / 60, minutes % 60),
        60..2880 => format!("{} h", rounded(minutes, 60)),
        _ => {
            let tenths = rounded(minutes, 144);
            format!("{}.{} days", tenths / 10, tenths % 10)
        }
    }
}

/// How a number compares with that of the period before, such as "8 % more".
pub fn change(compared: Compared, noun: &str) -> String {
    let Some(before) = compared.before else { return "no earlier period to compare with".to_owned() };
    let (Figure::Shown(now), Figure::Shown(before)) = (compared.now, before) else {
        return format!("{} in the period before", number(before));
    };
    if before < MIN_BASE {
        return format!("{} in the period before", with_separators(before));
    }
    let difference = now.abs_diff(before);
    if difference * 50 < before {
        format!("about as many {noun} as in the period before")
    } else if now >= 2 * before {
        let tenths = rounded(now * 10, before);
        format!("{}.{} times as many {noun} as in the period before", tenths / 10, tenths % 10)
    } else {
        let percent = rounded(difference * 100, before);
        format!("{percent} % {} than in the period before", if now > before { "more" } else { "fewer" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Figure::{Hidden, Shown};

    #[test]
    fn changes_are_told_in_words() {
        let told = |now, before| change(Compared { now, before }, "messages");
        assert_eq!(told(Shown(108), Some(Shown(100))), "8 % more than in the period before");
        assert_eq!(told(Shown(92), Some(Shown(100))), "8 % fewer than in the period before");
        assert_eq!(told(Shown(101), Some(Shown(100))), "about as many messages as in the period before");
        assert_eq!(told(Shown(240), Some(Shown(100))), "2.4 times as many messages as in the period before");
        assert_eq!(told(Shown(50), Some(Shown(20))), "20 in the period before");
        assert_eq!(told(Shown(50), Some(Hidden)), "<5 in the period before");
        assert_eq!(told(Hidden, Some(Shown(500))), "500 in the period before");
        assert_eq!(told(Shown(50), None), "no earlier period to compare with");
        let times = [45, 69, 120, 1860, 3456].map(|minutes| duration(Shown(minutes)));
        assert_eq!(times, ["45 min", "1 h 9 min", "2 h", "31 h", "2.4 days"]);
        let shares = [Shown(305), Shown(31), Shown(40), Shown(0), Hidden].map(percent);
        assert_eq!(shares, ["31 %", "3.1 %", "4 %", "0 %", "<5 people"]);
    }
}
