//! What replies of the server say.

use redis::Value;

use crate::store::error::{StoreError, StoreErrorKind};

/// A member of a sorted set and its score.
pub(in crate::store::redis) type Scored = [Vec<u8>; 2];

/// A reply that should have been another.
pub(in crate::store::redis) fn unexpected() -> StoreError {
    StoreError::with_source(StoreErrorKind::Corrupt, "an unexpected reply")
}

/// An error where one of these replies is one.
pub(in crate::store::redis) fn check_no_errors(replies: &[Value]) -> Result<(), StoreError> {
    let is_error = |reply: &Value| matches!(reply, Value::ServerError(_));
    if replies.iter().any(is_error) { Err(unexpected()) } else { Ok(()) }
}

/// The number that a reply is.
pub(in crate::store::redis) fn number(reply: &Value) -> Option<u64> {
    match reply {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::BulkString(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        Value::SimpleString(text) => text.parse().ok(),
        _ => None,
    }
}

/// The cursor and the names in a reply to `SCAN`.
pub(in crate::store::redis) fn page(reply: Value) -> Result<(u64, Vec<Vec<u8>>), StoreError> {
    let Value::Array(parts) = reply else { return Err(unexpected()) };
    let [cursor, Value::Array(names)]: [Value; 2] = parts.try_into().map_err(|_| unexpected())?
    else {
        return Err(unexpected());
    };
    let names = names.into_iter().map(bytes).collect::<Result<_, _>>()?;
    Ok((number(&cursor).ok_or_else(unexpected)?, names))
}

/// The members in a reply of a sorted set, each with its score. They stand one after the other in
/// one version of the protocol, and in pairs in the next.
pub(in crate::store::redis) fn scored(reply: Value) -> Result<Vec<Scored>, StoreError> {
    let Value::Array(items) = reply else { return Err(unexpected()) };
    let mut flat = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Value::Array(pair) => flat.extend(pair),
            item => flat.push(item),
        }
    }
    let flat = flat.into_iter().map(bytes).collect::<Result<Vec<_>, _>>()?;
    match flat.as_chunks::<2>() {
        (pairs, []) => Ok(pairs.to_vec()),
        _ => Err(unexpected()),
    }
}

fn bytes(item: Value) -> Result<Vec<u8>, StoreError> {
    match item {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        Value::Double(number) => Ok(number.to_string().into_bytes()),
        _ => Err(unexpected()),
    }
}
