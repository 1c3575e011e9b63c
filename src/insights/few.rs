//! Counts with their contributors, for statistical disclosure control: up to five distinct contributors
//! suffice to decide whether a count may be shown.

use super::figure::{Figure, MIN_PEOPLE};

const ENOUGH: usize = 5;
const _: () = assert!(ENOUGH as u64 == MIN_PEOPLE);

/// A set of distinct people by user row, saturated at [`MIN_PEOPLE`] members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FewPeople {
    people: [u32; ENOUGH],
    len: u8,
}

impl FewPeople {
    /// Adds a user by its row.
    pub fn insert(&mut self, user: i64) {
        self.insert_number(u32::try_from(user).unwrap_or(u32::MAX));
    }

    /// Adds those of another set.
    pub fn insert_all(&mut self, others: Self) {
        others.people[..usize::from(others.len)].iter().for_each(|person| self.insert_number(*person));
    }

    fn insert_number(&mut self, person: u32) {
        let len = usize::from(self.len);
        if len < ENOUGH && !self.people[..len].contains(&person) {
            self.people[len] = person;
            self.len += 1;
        }
    }

    /// The number of members, at most [`MIN_PEOPLE`].
    pub const fn len(&self) -> u64 {
        self.len as u64
    }

    /// Whether a number about these people may be shown.
    pub const fn is_enough(&self) -> bool {
        self.len() >= MIN_PEOPLE
    }

    /// A number about these people, hidden if they are too few.
    pub const fn figure(&self, number: u64) -> Figure {
        Figure::about(number, self.len())
    }
}

/// A count and its contributors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// The count.
    pub number: u64,
    /// Its contributors.
    pub people: FewPeople,
}

impl Tally {
    /// Adds one event of a user.
    pub fn add(&mut self, user: i64) {
        self.number += 1;
        self.people.insert(user);
    }

    /// Adds another tally: counts are summed, contributors united.
    pub fn add_all(&mut self, other: Self) {
        self.number += other.number;
        self.people.insert_all(other.people);
    }

    /// The count, hidden if it has too few contributors.
    pub const fn figure(&self) -> Figure {
        self.people.figure(self.number)
    }
}

/// Splits counts into the largest `room` with enough contributors, in descending order, and a rest. Since the
/// total is published, the rest can be computed; it is enlarged until it has at least two items and enough
/// contributors (secondary suppression).
pub fn largest<T>(
    mut counts: Vec<T>,
    room: usize,
    tally: impl Fn(&T) -> Tally,
    by_name: impl Fn(&T, &T) -> std::cmp::Ordering,
) -> (Vec<T>, Rest) {
    let number = |count: &T| tally(count).number;
    counts.retain(|count| number(count) > 0);
    counts.sort_by(|one, other| number(other).cmp(&number(one)).then_with(|| by_name(one, other)));
    let (mut listed, mut rest) = (Vec::new(), Rest::default());
    for count in counts {
        if listed.len() < room && tally(&count).people.is_enough() {
            listed.push(count);
        } else {
            rest.add(tally(&count));
        }
    }
    while rest.is_disclosive() {
        let Some(least) = listed.pop() else { break };
        rest.add(tally(&least));
    }
    (listed, rest)
}

/// The figures of the parts of a published total. Parts with too few contributors are hidden; then the
/// smallest others are withheld until all suppressed parts together have enough contributors.
pub fn parts(tallies: &[Tally]) -> Vec<Figure> {
    let mut shown: Vec<usize> = (0..tallies.len()).collect();
    shown.sort_by_key(|index| std::cmp::Reverse(tallies[*index].number));
    let mut rest = Rest::default();
    shown.retain(|index| {
        let is_enough = tallies[*index].people.is_enough();
        if !is_enough {
            rest.add(tallies[*index]);
        }
        is_enough
    });
    while rest.is_disclosive() {
        let Some(least) = shown.pop() else { break };
        rest.add(tallies[least]);
    }
    let hidden = |tally: &Tally| if tally.people.is_enough() { Figure::Withheld } else { Figure::Hidden };
    let mut figures: Vec<Figure> = tallies.iter().map(hidden).collect();
    for index in shown {
        figures[index] = tallies[index].figure();
    }
    figures
}

/// The counts that are not listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rest {
    /// How many they are.
    pub items: u64,
    /// Their sum.
    pub tally: Tally,
}

impl Rest {
    /// Whether publishing the sum would disclose a single count, or one with too few contributors.
    const fn is_disclosive(&self) -> bool {
        self.items == 1 || self.items > 0 && !self.tally.people.is_enough()
    }

    fn add(&mut self, tally: Tally) {
        self.items += 1;
        self.tally.add_all(tally);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_count_once_and_until_they_are_enough() {
        let mut people = FewPeople::default();
        for person in [7, 7, 0, 3, 3, 1] {
            people.insert(person);
        }
        assert_eq!((people.len(), people.is_enough(), people.figure(9)), (4, false, Figure::Hidden));
        (10..20).for_each(|person| people.insert(person));
        assert_eq!((people.len(), people.is_enough(), people.figure(9)), (5, true, Figure::Shown(9)));
    }

    /// A count with people from a first one.
    fn tally(number: u64, first: i64, people: i64) -> Tally {
        let mut tally = Tally { number, ..Tally::default() };
        (first..first + people).for_each(|person| tally.people.insert(person));
        tally
    }

    #[test]
    fn the_rest_is_never_one_nor_about_few_people() {
        let split = |counts: &[Tally], room| {
            let (listed, rest) = largest(counts.to_vec(), room, |one| *one, |_, _| std::cmp::Ordering::Equal);
            (listed.into_iter().map(|one| one.number).collect::<Vec<_>>(), rest.items, rest.tally.figure())
        };
        let enough = |number| tally(number, 0, 5);
        let hidden = Figure::Hidden;
        assert_eq!(split(&[enough(1), enough(3), enough(2)], 2), (vec![3], 2, Figure::Shown(3)));
        assert_eq!(split(&[enough(1), enough(3), enough(0), enough(2)], 3), (vec![3, 2, 1], 0, hidden));
        // Two counts of the same three people are suppressed further; those of six people together are not.
        let (few, same, others) = (tally(9, 0, 3), tally(7, 0, 3), tally(7, 3, 3));
        assert_eq!(split(&[few, same, enough(8), enough(6)], 4), (vec![8], 3, Figure::Shown(22)));
        assert_eq!(split(&[few, others, enough(8), enough(6)], 4), (vec![8, 6], 2, Figure::Shown(16)));
        assert_eq!(split(&[few, enough(3)], 3), (vec![], 2, Figure::Shown(12)));
        assert_eq!(split(&[few], 3), (vec![], 1, hidden));
    }

    #[test]
    fn hidden_parts_are_about_enough_people_together() {
        let (enough, few) = (|number| tally(number, 0, 5), |number, first| tally(number, first, 3));
        let (shown, hidden, withheld) = (Figure::Shown, Figure::Hidden, Figure::Withheld);
        assert_eq!(parts(&[enough(3), enough(2)]), [shown(3), shown(2)]);
        assert_eq!(parts(&[enough(3), few(9, 0), enough(2)]), [shown(3), hidden, withheld]);
        assert_eq!(
            parts(&[enough(3), few(9, 0), enough(2), few(1, 0)]),
            [shown(3), hidden, withheld, hidden]
        );
        assert_eq!(
            parts(&[enough(3), few(9, 0), enough(2), few(1, 9)]),
            [shown(3), hidden, shown(2), hidden]
        );
        assert_eq!(parts(&[]), []);
    }
}
