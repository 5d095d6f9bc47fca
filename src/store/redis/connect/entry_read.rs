//! The commands of a hit: they read the begin of a value and the logical time.

use redis::{Cmd, cmd};

/// What is read for a hit.
#[derive(Clone, Copy, Debug)]
pub(in crate::store::redis) struct EntryRead<'a> {
    /// The name of the value.
    pub(in crate::store::redis) name: &'a str,
    /// How much of it to read at most.
    pub(in crate::store::redis) length: usize,
    /// How much of it will come, where that is known to be much; else 0.
    pub(in crate::store::redis) expected: usize,
    /// The name of the clock.
    pub(in crate::store::redis) clock: &'a str,
}

impl EntryRead<'_> {
    /// As commands of the crate.
    pub(super) fn commands(&self) -> [Cmd; 2] {
        let (mut begin, mut now) = (cmd("GETRANGE"), cmd("HGET"));
        begin.arg(self.name).arg(0).arg(self.length.saturating_sub(1));
        now.arg(self.clock).arg("now");
        [begin, now]
    }

    /// Writes what reads the value.
    pub(super) fn write_value(&self, out: &mut Vec<u8>) {
        let mut digits = [0; 20];
        let last = decimal(self.length.saturating_sub(1), &mut digits);
        out.reserve(64 + self.name.len());
        out.extend_from_slice(b"*4\r\n$8\r\nGETRANGE\r\n");
        write_argument(out, self.name.as_bytes());
        out.extend_from_slice(b"$1\r\n0\r\n");
        write_argument(out, last);
    }

    /// Writes what reads the time.
    pub(super) fn write_clock(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"*3\r\n$4\r\nHGET\r\n");
        write_argument(out, self.clock.as_bytes());
        out.extend_from_slice(b"$3\r\nnow\r\n");
    }
}

fn write_argument(out: &mut Vec<u8>, argument: &[u8]) {
    let mut digits = [0; 20];
    out.push(b'$');
    out.extend_from_slice(decimal(argument.len(), &mut digits));
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(argument);
    out.extend_from_slice(b"\r\n");
}

/// A number in decimal digits, for less than formatting it takes.
fn decimal(mut number: usize, digits: &mut [u8; 20]) -> &[u8] {
    let mut from = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
        from -= 1;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits.get(from..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_sent_as_the_crate_would() {
        for length in [1, 2, 1024, 65536, usize::MAX] {
            let read = EntryRead { name: "p:e:{0123}", length, expected: 0, clock: "p:clock" };
            let mut sent = Vec::new();
            read.write_value(&mut sent);
            read.write_clock(&mut sent);
            let packed = read.commands().map(|command| command.get_packed_command()).concat();
            assert_eq!(sent, packed);
        }
    }
}
