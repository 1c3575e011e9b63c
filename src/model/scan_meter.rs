//! Counts the bytes that the scrubber scans, so that tests can assert without a clock
//! that its work is linear in the length of a text. Counts nothing outside of tests.

#[cfg(test)]
thread_local! {
    static BYTES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Adds scanned bytes to this thread's count.
#[inline]
pub fn add(bytes: usize) {
    #[cfg(test)]
    BYTES.with(|count| count.set(count.get() + bytes));
    #[cfg(not(test))]
    let _ = bytes;
}

/// Bytes counted on this thread since the last call.
#[cfg(test)]
pub fn take() -> usize {
    BYTES.with(|count| count.replace(0))
}
