//! Readers of single values.

use std::time::Duration;

use http::{HeaderName, Method};

use super::place::{Complaint, Read};
use super::suggestion;
use crate::limits::Rate;

const DURATION: &str = "write 500ms, 30s, 5m, 12h, 7d or plain seconds";
const SIZE: &str = "write 512, 32KiB, 10MiB or 1GiB";
const RATE: &str = "write 20/s, 100/m or 1000/h";

/// The value as it is, if there is anything in it.
pub(crate) fn text(value: &str) -> Read<String> {
    match value.trim().is_empty() {
        true => Err(Complaint::new(
            "is empty",
            "write a value, or leave the key out",
        )),
        false => Ok(value.to_owned()),
    }
}

/// `true` or `false`.
pub(crate) fn boolean(value: &str) -> Read<bool> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Complaint::new(
            "is neither true nor false",
            "write true or false",
        )),
    }
}

/// A number of things, at least one.
pub(crate) fn count<T: TryFrom<u64>>(value: &str) -> Read<T> {
    let number: Option<u64> = value.parse().ok().filter(|number| *number > 0);
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| {
            Complaint::new(
                "is no whole number from 1 on",
                "write digits alone, such as 100",
            )
        })
}

/// A time of at least a millisecond.
pub(crate) fn duration(value: &str) -> Read<Duration> {
    match duration_or_zero(value)? {
        Duration::ZERO => Err(Complaint::new("is no time at all", DURATION)),
        duration => Ok(duration),
    }
}

/// A time, which may be zero: `500ms`, `30s`, `5m`, `12h`, `7d` or plain seconds.
pub(crate) fn duration_or_zero(value: &str) -> Read<Duration> {
    let (number, unit) = split_unit(value);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(Complaint::new("is no duration", DURATION)),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| Complaint::new("is no duration", DURATION))?;
    let hundred_years = 3_153_600_000_000;
    number
        .checked_mul(milliseconds)
        .filter(|total| *total <= hundred_years)
        .map(Duration::from_millis)
        .ok_or_else(|| Complaint::new("is longer than a hundred years", DURATION))
}

/// A number of bytes, at least one: `512`, `32KiB`, `10MiB`, `1GiB`.
pub(crate) fn size(value: &str) -> Read<u64> {
    let (number, unit) = split_unit(value);
    let bytes: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(Complaint::new("is no size", SIZE)),
    };
    let number: Option<u64> = number.parse().ok().filter(|number| *number > 0);
    number
        .and_then(|number| number.checked_mul(bytes))
        .ok_or_else(|| Complaint::new("is no size", SIZE))
}

/// So many in a second, a minute or an hour.
pub(crate) fn rate(value: &str) -> Read<Rate> {
    let complaint = || Complaint::new("is no rate", RATE);
    let (number, unit) = value.split_once('/').ok_or_else(complaint)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(complaint()),
    };
    let count = number
        .parse()
        .ok()
        .filter(|count| *count > 0)
        .ok_or_else(complaint)?;
    Ok(Rate {
        count,
        period: Duration::from_secs(seconds),
    })
}

/// What `reader` reads, where it is no more than `most`.
pub(crate) fn at_most<T: PartialOrd + std::fmt::Display>(
    reader: impl FnOnce(&str) -> Read<T>,
    most: T,
) -> impl FnOnce(&str) -> Read<T> {
    move |value| match reader(value)? {
        number if number > most => Err(Complaint::new(
            "is more than the gateway can take",
            format!("write at most {most}"),
        )),
        number => Ok(number),
    }
}

fn split_unit(value: &str) -> (&str, &str) {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    value.split_at_checked(digits).unwrap_or((value, ""))
}

/// One of a closed list of words.
pub(crate) fn choice<T: Copy>(choices: &[(&'static str, T)]) -> impl Fn(&str) -> Read<T> {
    move |value| {
        let found = choices.iter().find(|(word, _)| *word == value);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let fix = match suggestion::nearest(value, words.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`? There are {}", words.join(", ")),
                None => format!("write one of {}", words.join(", ")),
            };
            Complaint::new("is not known here", fix)
        })
    }
}

/// A name that is also a metric label and part of store keys.
pub(crate) fn name(value: &str) -> Read<String> {
    let valid = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    match !value.is_empty() && value.chars().all(valid) {
        true => Ok(value.to_owned()),
        false => Err(Complaint::new(
            "is no name",
            "use letters, digits, `-`, `_` and `.`",
        )),
    }
}

/// Scopes, separated by spaces (RFC 6749 § 3.3).
pub(crate) fn scopes(value: &str) -> Read<Vec<String>> {
    let valid = |character: char| matches!(character, '!' | '#'..='[' | ']'..='~');
    let scopes: Vec<String> = value.split_whitespace().map(str::to_owned).collect();
    match !scopes.is_empty() && scopes.iter().all(|scope| scope.chars().all(valid)) {
        true => Ok(scopes),
        false => Err(Complaint::new(
            "is no scope",
            "write scopes without quotes and backslashes, separated by spaces",
        )),
    }
}

/// A method that the gateway knows. TRACE and CONNECT are for no route.
pub(crate) fn method(value: &str) -> Read<Method> {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    let upper = value.to_ascii_uppercase();
    let words = known
        .iter()
        .map(Method::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match known.into_iter().find(|method| method.as_str() == upper) {
        Some(method) if upper == value => Ok(method),
        Some(method) => Err(Complaint::new(
            "is not in capitals",
            format!("write {method}"),
        )),
        None => Err(Complaint::new(
            "is no method for a route",
            format!("write some of {words}"),
        )),
    }
}

/// A header's name (RFC 9110 § 5.1).
pub(crate) fn header_name(value: &str) -> Read<HeaderName> {
    value.parse().map_err(|_| {
        Complaint::new(
            "is no header name",
            "write letters, digits and `-`, such as X-Tenant",
        )
    })
}

/// A cookie's name without a prefix (RFC 6265 § 4.1.1).
pub(crate) fn cookie_name(value: &str) -> Read<String> {
    let lower = value.to_ascii_lowercase();
    if lower.starts_with("__host-") || lower.starts_with("__secure-") {
        return Err(Complaint::new(
            "has a cookie prefix",
            "leave it out: `__Host-` is added where public_url is https",
        ));
    }
    let valid = |character: char| {
        character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
    };
    match !value.is_empty() && value.len() <= 64 && value.chars().all(valid) {
        true => Ok(value.to_owned()),
        false => Err(Complaint::new(
            "is no cookie name",
            "use at most 64 letters, digits, `-` and `_`",
        )),
    }
}

#[cfg(test)]
mod tests;
