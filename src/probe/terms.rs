//! Erlang's external term format, as far as a probe writes and reads it.
//!
//! Pure: no I/O, no clock.
//!
//! The reader takes anything that a port may send: it reserves no memory for an announced length, and nests no deeper than
//! `MAX_DEPTH`.

use super::handshake::CREATION;

/// A term that was read. What no expected answer contains is skipped as [`Term::Other`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    Atom(String),
    /// An integer of at most 32 bits.
    Integer(i32),
    /// A string or a binary.
    Text(Vec<u8>),
    /// The numbers of a reference, without its node.
    Reference(Vec<u32>),
    Tuple(Vec<Self>),
    List(Vec<Self>),
    /// A pid, port, float, large integer, map or fun.
    Other,
}

/// Bytes that are not a term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The byte before each term.
pub(crate) const VERSION: u8 = 131;

/// Stack traces in an error nest about ten deep.
const MAX_DEPTH: u8 = 32;

/// Reads one term, and leaves what follows it in `bytes`.
///
/// # Errors
/// The bytes are not a term, or it nests too deep.
pub(crate) fn decode(bytes: &mut &[u8]) -> Result<Term, Malformed> {
    if u8_of(bytes)? != VERSION {
        return Err(Malformed);
    }
    term(bytes, MAX_DEPTH)
}

fn term(bytes: &mut &[u8], depth: u8) -> Result<Term, Malformed> {
    let depth = depth.checked_sub(1).ok_or(Malformed)?;
    Ok(match u8_of(bytes)? {
        tag @ (100 | 115 | 118 | 119) => Term::Atom(atom(tag, bytes)?),
        97 => Term::Integer(u8_of(bytes)?.into()),
        98 => Term::Integer(u32_of(bytes)?.cast_signed()),
        104 => Term::Tuple(sequence(u8_of(bytes)?.into(), bytes, depth)?),
        105 => Term::Tuple(sequence(u32_of(bytes)?, bytes, depth)?),
        106 => Term::List(Vec::new()),
        107 => Term::Text(text(u16_of(bytes)?.into(), bytes)?),
        108 => {
            let items = sequence(u32_of(bytes)?, bytes, depth)?;
            term(bytes, depth)?; // the tail
            Term::List(items)
        }
        109 => Term::Text(text(u32_of(bytes)?, bytes)?),
        tag @ (90 | 114) => reference(tag, bytes, depth)?,
        tag => skip(tag, bytes, depth)?,
    })
}

/// Each element has at least one byte, so a false length ends with the bytes.
fn sequence(length: u32, bytes: &mut &[u8], depth: u8) -> Result<Vec<Term>, Malformed> {
    (0..length).map(|_| term(bytes, depth)).collect()
}

fn reference(tag: u8, bytes: &mut &[u8], depth: u8) -> Result<Term, Malformed> {
    const MAX_WORDS: u16 = 5;
    let words = u16_of(bytes)?;
    term(bytes, depth)?; // its node
    take(if tag == 90 { 4 } else { 1 }, bytes)?; // the creation
    if words > MAX_WORDS {
        return Err(Malformed);
    }
    Ok(Term::Reference((0..words).map(|_| u32_of(bytes)).collect::<Result<_, _>>()?))
}

/// Skips a term of which only the length matters.
fn skip(tag: u8, bytes: &mut &[u8], depth: u8) -> Result<Term, Malformed> {
    let length = match tag {
        70 => 8,                                      // a float
        110 => u32::from(u8_of(bytes)?) + 1,          // a large integer
        77 | 111 => u32_of(bytes)?.saturating_add(1), // a bit string, or a larger integer
        112 => u32_of(bytes)?.saturating_sub(4),      // a fun, its length included
        113 => {
            sequence(3, bytes, depth)?; // module, function, arity
            0
        }
        116 => {
            let pairs = u32_of(bytes)?;
            sequence(pairs.checked_mul(2).ok_or(Malformed)?, bytes, depth)?;
            0
        }
        // A port or a pid: its node, and then its numbers.
        88 | 89 | 102 | 103 | 120 => {
            term(bytes, depth)?;
            match tag {
                102 => 5,
                89 => 8,
                103 => 9,
                _ => 12,
            }
        }
        _ => return Err(Malformed),
    };
    take(length, bytes)?;
    Ok(Term::Other)
}

fn atom(tag: u8, bytes: &mut &[u8]) -> Result<String, Malformed> {
    let length = if matches!(tag, 100 | 118) { u16_of(bytes)? } else { u8_of(bytes)?.into() };
    Ok(String::from_utf8_lossy(take(length.into(), bytes)?).into_owned())
}

fn text(length: u32, bytes: &mut &[u8]) -> Result<Vec<u8>, Malformed> {
    take(length, bytes).map(<[u8]>::to_vec)
}

fn take<'a>(length: u32, bytes: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    bytes.split_off(..length as usize).ok_or(Malformed)
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (first, rest) = bytes.split_first_chunk().ok_or(Malformed)?;
    *bytes = rest;
    Ok(*first)
}

fn u8_of(bytes: &mut &[u8]) -> Result<u8, Malformed> {
    array(bytes).map(|[byte]| byte)
}

fn u16_of(bytes: &mut &[u8]) -> Result<u16, Malformed> {
    array(bytes).map(u16::from_be_bytes)
}

fn u32_of(bytes: &mut &[u8]) -> Result<u32, Malformed> {
    array(bytes).map(u32::from_be_bytes)
}

/// Writes terms one after the other.
#[derive(Default)]
pub(crate) struct Encoder {
    pub(crate) bytes: Vec<u8>,
}

impl Encoder {
    /// Begins a separate term.
    pub(crate) fn start(&mut self) -> &mut Self {
        self.bytes.push(VERSION);
        self
    }

    /// The head of a tuple; its elements follow.
    pub(crate) fn tuple(&mut self, arity: u8) -> &mut Self {
        self.bytes.extend([104, arity]);
        self
    }

    /// An atom. What is longer than any atom is cut.
    pub(crate) fn atom(&mut self, name: &str) -> &mut Self {
        let name = name.as_bytes();
        let name = name.get(..usize::from(u8::MAX)).unwrap_or(name);
        self.bytes.extend([119, u8::try_from(name.len()).unwrap_or(u8::MAX)]);
        self.bytes.extend(name);
        self
    }

    /// A small integer.
    pub(crate) fn integer(&mut self, value: u32) -> &mut Self {
        self.bytes.push(98);
        self.bytes.extend(value.to_be_bytes());
        self
    }

    pub(crate) fn binary(&mut self, text: &str) -> &mut Self {
        self.bytes.push(109);
        self.bytes.extend(u32::try_from(text.len()).unwrap_or(0).to_be_bytes());
        self.bytes.extend(text.as_bytes());
        self
    }

    /// The head of a list of so many elements, which follow, and then [`Encoder::nil`].
    pub(crate) fn list(&mut self, length: u32) -> &mut Self {
        self.bytes.push(108);
        self.bytes.extend(length.to_be_bytes());
        self
    }

    /// The empty list, or a list's end.
    pub(crate) fn nil(&mut self) -> &mut Self {
        self.bytes.push(106);
        self
    }

    /// A pid of the node of this name.
    pub(crate) fn pid(&mut self, node: &str) -> &mut Self {
        self.bytes.push(88);
        self.atom(node);
        for number in [1, 0, CREATION] {
            self.bytes.extend(u32::to_be_bytes(number));
        }
        self
    }

    /// A reference of the node of this name.
    pub(crate) fn reference(&mut self, node: &str, words: [u32; 3]) -> &mut Self {
        self.bytes.extend([90, 0, 3]);
        self.atom(node);
        self.bytes.extend(CREATION.to_be_bytes());
        self.bytes.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Term, Malformed> {
        decode(&mut &*bytes)
    }

    fn atom(name: &str) -> Term {
        Term::Atom(name.into())
    }

    #[test]
    fn what_is_written_is_read() {
        let mut encoder = Encoder::default();
        encoder.start().tuple(4).reference("a@b", [1, 2, 3]).pid("a@b");
        encoder.list(2).integer(900).binary("/proc").nil().atom("user");
        let read = read(&encoder.bytes).unwrap();
        let arguments = Term::List(vec![Term::Integer(900), Term::Text(b"/proc".into())]);
        assert_eq!(read, Term::Tuple(vec![Term::Reference(vec![1, 2, 3]), Term::Other, arguments, atom("user")]));
    }

    /// Of `term_to_binary` of OTP 25: {progress, "a", 1.5, 1 bsl 70, #{a => b}, fun lists:map/2, <<5:3>>, -1}.
    #[test]
    fn every_kind_of_term_ends_where_it_ends() {
        let bytes = [
            131, 104, 8, 119, 8, 112, 114, 111, 103, 114, 101, 115, 115, 107, 0, 1, 97, 70, 63, 248, 0, 0, 0, 0, 0, 0,
            110, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 116, 0, 0, 0, 1, 119, 1, 97, 119, 1, 98, 113, 119, 5, 108, 105, 115,
            116, 115, 119, 3, 109, 97, 112, 97, 2, 77, 0, 0, 0, 1, 3, 160, 98, 255, 255, 255, 255,
        ];
        let other = || Term::Other;
        let text = Term::Text(b"a".into());
        let all = vec![atom("progress"), text, other(), other(), other(), other(), other(), Term::Integer(-1)];
        assert_eq!(read(&bytes), Ok(Term::Tuple(all)));
        for end in 0..bytes.len() {
            assert_eq!(read(&bytes[..end]), Err(Malformed), "{end}");
        }
    }

    #[test]
    fn a_length_that_is_not_true_takes_no_memory() {
        for tag in [105, 108, 109, 116, 77, 111, 112] {
            assert_eq!(read(&[131, tag, 255, 255, 255, 255, 97, 1]), Err(Malformed), "{tag}");
        }
    }

    #[test]
    fn what_nests_without_end_is_not_followed() {
        let nested = |depth: usize| {
            let mut bytes = vec![131];
            bytes.extend([104, 1].repeat(depth));
            bytes.push(106);
            read(&bytes)
        };
        assert!(nested(usize::from(MAX_DEPTH) - 1).is_ok());
        assert_eq!(nested(usize::from(MAX_DEPTH)), Err(Malformed));
        assert_eq!(nested(1_000_000), Err(Malformed));
    }
}
