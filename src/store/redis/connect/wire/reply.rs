//! A reply as it came, without a copy of its string.

use bytes::Bytes;
use redis::{Parser, RedisError, Value};

use crate::store::redis::client::reply;

/// A reply of which a string is not copied.
#[derive(Clone, Debug)]
pub(in crate::store::redis) enum Reply {
    Bytes(Bytes),
    Value(Value),
}

impl Reply {
    /// What these bytes say, which are one reply, as a value.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, RedisError> {
        Parser::new().parse_value(bytes).map(Self::Value)
    }

    /// The number that a text of digits is, which is cloned for nothing.
    pub(super) fn from_digits(text: &[u8]) -> Option<Self> {
        let digit = |sum: i64, byte: &u8| match byte {
            b'0'..=b'9' => sum.checked_mul(10)?.checked_add(i64::from(byte - b'0')),
            _ => None,
        };
        let number = text.iter().try_fold(0, digit).filter(|_| !text.is_empty())?;
        Some(Self::Value(Value::Int(number)))
    }

    /// What it is if it is no string.
    pub(in crate::store::redis) const fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Bytes(_) => None,
        }
    }

    /// The number that it is.
    pub(in crate::store::redis) fn number(&self) -> Option<u64> {
        match self {
            Self::Bytes(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            Self::Value(value) => reply::number(value),
        }
    }
}

impl From<Value> for Reply {
    fn from(value: Value) -> Self {
        match value {
            Value::BulkString(bytes) => Self::Bytes(bytes.into()),
            value => Self::Value(value),
        }
    }
}
