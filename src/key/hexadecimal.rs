//! Bytes as people see them: hexadecimal digits.

use std::fmt::Write as _;

pub(crate) fn hexadecimal<'b>(bytes: impl Iterator<Item = &'b u8>) -> String {
    let mut digits = String::with_capacity(16);
    for byte in bytes {
        // writing to a string cannot fail
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
