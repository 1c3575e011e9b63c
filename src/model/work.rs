//! Counts the bytes that the scrubber looks at, so that tests can hold its work
//! linear in the length of a text without a clock. Counts nothing outside tests.

#[cfg(test)]
thread_local! {
    static BYTES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Notes that this many bytes were looked at.
#[inline]
pub fn note(bytes: usize) {
    #[cfg(test)]
    BYTES.with(|noted| noted.set(noted.get() + bytes));
    #[cfg(not(test))]
    let _ = bytes;
}

/// The bytes noted on this thread since the last call.
#[cfg(test)]
pub fn take() -> usize {
    BYTES.with(|noted| noted.replace(0))
}
