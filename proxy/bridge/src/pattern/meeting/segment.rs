//! What two segments of upstream paths have in common.

/// A part of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Atom<'a> {
    /// Itself.
    Text(&'a str),
    /// The value of a parameter, by position: anything but nothing.
    Any(usize),
}

/// How much a segment leaves open: nothing, a part of it, or everything, as a tail does.
pub(super) fn freedom(segment: Option<&[Atom<'_>]>) -> u8 {
    match segment {
        None | Some([Atom::Any(_)]) => 2,
        Some(atoms) => u8::from(atoms.iter().any(|atom| matches!(atom, Atom::Any(_)))),
    }
}

/// A value that both segments can have, which is then what `own` makes of its parameters; each
/// parameter keeps the value that it has already.
pub(super) fn common(
    own: Option<&[Atom<'_>]>,
    theirs: Option<&[Atom<'_>]>,
    parameters: &mut [Option<String>],
    fresh: &str,
) -> Option<String> {
    const EVERYTHING: &[Atom<'static>] = &[Atom::Any(usize::MAX)];
    let (own, theirs) = (own.unwrap_or(EVERYTHING), theirs.unwrap_or(EVERYTHING));
    let known = parameters.to_vec();
    let own: Vec<Atom<'_>> = own
        .iter()
        .map(|atom| match atom {
            Atom::Text(text) => Atom::Text(text),
            Atom::Any(index) => match known.get(*index) {
                Some(Some(value)) => Atom::Text(value),
                Some(None) | None => Atom::Any(*index),
            },
        })
        .collect();
    let candidates = [
        filled(&own, fresh),
        filled(theirs, fresh),
        mixed(&own, theirs, fresh),
    ];
    candidates.into_iter().find_map(|value| {
        let mut found = Vec::new();
        let both = matches(theirs, &value, &mut Vec::new()) && matches(&own, &value, &mut found);
        (both && !value.is_empty() && bind(found, parameters)).then_some(value)
    })
}

fn bind(found: Vec<(usize, String)>, parameters: &mut [Option<String>]) -> bool {
    found.into_iter().all(|(index, value)| {
        // A segment of a tail has no parameter.
        parameters
            .get_mut(index)
            .is_none_or(|slot| *slot.get_or_insert_with(|| value.clone()) == value)
    })
}

fn filled(atoms: &[Atom<'_>], fresh: &str) -> String {
    let text = |atom: &Atom<'_>| match atom {
        Atom::Text(text) => (*text).to_owned(),
        Atom::Any(_) => fresh.to_owned(),
    };
    atoms.iter().map(text).collect()
}

/// A value for two segments that are both partly open: the longer beginning, what stands inside of
/// the one and of the other, and the longer end.
fn mixed(own: &[Atom<'_>], theirs: &[Atom<'_>], fresh: &str) -> String {
    let [(start, middle, end), (other_start, other_middle, other_end)] =
        [own, theirs].map(|atoms| parts(atoms, fresh));
    let longer = |one: &str, other: &str| match one.len() >= other.len() {
        true => one.to_owned(),
        false => other.to_owned(),
    };
    let (start, end) = (longer(start, other_start), longer(end, other_end));
    format!("{start}{fresh}{middle}{fresh}{other_middle}{fresh}{end}")
}

fn parts<'a>(atoms: &[Atom<'a>], fresh: &str) -> (&'a str, String, &'a str) {
    let (start, rest) = match atoms {
        [Atom::Text(text), rest @ ..] => (*text, rest),
        rest => ("", rest),
    };
    let (middle, end) = match rest {
        [rest @ .., Atom::Text(text)] => (rest, *text),
        rest => (rest, ""),
    };
    (start, filled(middle, fresh), end)
}

/// Whether a segment can be `value`, and with which values of its parameters.
fn matches(atoms: &[Atom<'_>], value: &str, found: &mut Vec<(usize, String)>) -> bool {
    match atoms {
        [] => value.is_empty(),
        [Atom::Text(text), rest @ ..] => value
            .strip_prefix(text)
            .is_some_and(|value| matches(rest, value, found)),
        [Atom::Any(index), rest @ ..] => (1..=value.len()).any(|end| {
            let Some((taken, after)) = value.split_at_checked(end) else {
                return false;
            };
            let before = found.len();
            found.push((*index, taken.to_owned()));
            let fits = matches(rest, after, found);
            if !fits {
                found.truncate(before);
            }
            fits
        }),
    }
}
