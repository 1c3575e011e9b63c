//! Random numbers, and the words of invented people.

/// The words of a world without a vocabulary.
pub const WORDS: [&str; 40] = [
    "the", "a", "server", "wipe", "update", "when", "is", "build", "player", "admin", "thanks", "error",
    "log", "map", "restart", "plugin", "question", "how", "do", "i", "install", "works", "broken", "again",
    "today", "tomorrow", "market", "price", "event", "win", "lag", "ping", "config", "docker", "please",
    "help", "fixed", "version", "new", "old",
];
/// A splitmix64 generator.
/// <https://prng.di.unimi.it/splitmix64.c>
pub struct Random(pub u64);

impl Random {
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `end` - 1.
    #[allow(clippy::cast_possible_wrap, clippy::cast_sign_loss, reason = "`end` is positive and small")]
    pub const fn below(&mut self, end: i64) -> i64 {
        (self.next() % end as u64) as i64
    }

    /// A number from 0 to `end` - 1 of which the low ones are far more frequent.
    pub fn skewed(&mut self, end: i64) -> i64 {
        let bound = 1 + self.below(end);
        self.below(bound).min(self.below(bound))
    }

    /// Whether an event of this probability in 1,000 happens.
    pub const fn chance(&mut self, per_mille: i64) -> bool {
        self.below(1000) < per_mille
    }

    /// A number from 1 to `end`, each half as likely as one half as large (Zipf).
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most `end`")]
    pub fn zipf(&mut self, end: u32) -> u32 {
        let share = f64::from(u32::try_from(self.below(1 << 30)).unwrap_or(0)) / f64::from(1 << 30);
        f64::from(end).powf(share) as u32
    }

    pub fn pick(&mut self, words: &[&'static str]) -> &'static str {
        let count = i64::try_from(words.len()).unwrap_or(1);
        words[usize::try_from(self.below(count)).unwrap_or(0)]
    }

    /// A word of this many characters of a script without syllables.
    fn characters(&mut self, first: char, count: u32, length: usize) -> String {
        let mut one = || char::from_u32(first as u32 + self.zipf(count) - 1).unwrap_or(first);
        (0..length).map(|_| one()).collect()
    }

    /// A word of a vocabulary, spelled with syllables.
    fn spelled(&mut self, vocabulary: u32, syllables: &[&str]) -> String {
        let count = u32::try_from(syllables.len()).unwrap_or(1);
        let (mut word, mut rest) = (String::new(), self.zipf(vocabulary) + 1);
        while rest > 0 {
            word.push_str(syllables[usize::try_from(rest % count).unwrap_or(0)]);
            rest /= count;
        }
        word
    }
}

/// A word; in a world with a vocabulary, of a message in the script of this number from 0 to 99.
pub fn word(random: &mut Random, vocabulary: u32, script: i64) -> String {
    const CYRILLIC: [&str; 8] = ["ма", "но", "ри", "ёк", "стр", "ва", "ли", "це"];
    const ARABIC: [&str; 8] = ["مر", "با", "سل", "نو", "كي", "دع", "قا", "ري"];
    const LATIN: [&str; 16] =
        ["ta", "ko", "re", "min", "so", "lu", "ver", "na", "ché", "dri", "pa", "on", "sk", "ei", "wi", "ta_"];
    if vocabulary == 0 {
        return random.pick(&WORDS).to_owned();
    }
    match script {
        0..=3 => random.characters('\u{4e00}', 2500, 2),
        4..=6 => random.characters('\u{ac00}', 1500, 3),
        7..=8 => random.characters('\u{3041}', 80, 4),
        9..=13 => random.spelled(vocabulary, &CYRILLIC),
        14..=16 => random.spelled(vocabulary, &ARABIC),
        _ => random.spelled(vocabulary, &LATIN),
    }
}
