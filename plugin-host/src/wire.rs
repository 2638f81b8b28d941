//! The encoding: fixed-width little-endian numbers, lengths before texts, one byte before each variant.
//!
//! Compact, because a property read crosses twice; dull, because one of the two ends may be hostile. A length is
//! checked against what is left of the message before anything is allocated.

/// The bytes are no message of this protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a malformed message: {0}")]
pub struct Malformed(pub &'static str);

/// What is left of a message.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Malformed("it is cut off"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed("it is cut off"))?;
        self.0 = rest;
        Ok(*taken)
    }

    /// Everything must have been read: a longer message is of another protocol.
    pub fn finish(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed("bytes are left over")) }
    }
}

/// A value that crosses the boundary.
pub trait Wire: Sized {
    /// Appends it.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads one.
    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed>;
}

impl Wire for () {
    fn put(&self, _: &mut Vec<u8>) {}
    fn take(_: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(())
    }
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        match u8::take(input)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a truth value is 0 or 1")),
        }
    }
}

macro_rules! number {
    ($($type:ty),*) => {$(
        impl Wire for $type {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
                Ok(Self::from_le_bytes(input.array()?))
            }
        }
    )*};
}
number!(u8, u32, u64);

impl Wire for Vec<u8> {
    fn put(&self, out: &mut Vec<u8>) {
        put_length(self.len(), out);
        out.extend_from_slice(self);
    }
    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        let length = take_length(input)?;
        Ok(input.bytes(length)?.to_vec())
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_length(self.len(), out);
        out.extend_from_slice(self.as_bytes());
    }
    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        let length = take_length(input)?;
        let text = std::str::from_utf8(input.bytes(length)?).map_err(|_| Malformed("a text is not UTF-8"))?;
        Ok(text.to_owned())
    }
}

impl Wire for Vec<String> {
    fn put(&self, out: &mut Vec<u8>) {
        put_length(self.len(), out);
        self.iter().for_each(|text| text.put(out));
    }
    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        // Nothing is reserved by the count alone: each text has at least the bytes of its length.
        (0..take_length(input)?).map(|_| String::take(input)).collect()
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }
    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(if bool::take(input)? { Some(T::take(input)?) } else { None })
    }
}

impl<T: Wire, E: Wire> Wire for Result<T, E> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_ok().put(out);
        match self {
            Ok(value) => value.put(out),
            Err(error) => error.put(out),
        }
    }
    fn take(input: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(if bool::take(input)? { Ok(T::take(input)?) } else { Err(E::take(input)?) })
    }
}

fn put_length(length: usize, out: &mut Vec<u8>) {
    // Longer than a message can be; the frame refuses it then.
    u32::try_from(length).unwrap_or(u32::MAX).put(out);
}

fn take_length(input: &mut Reader<'_>) -> Result<usize, Malformed> {
    usize::try_from(u32::take(input)?).map_err(|_| Malformed("a length is too large"))
}

/// Declares an enum together with its encoding: the number before each variant is its tag.
macro_rules! wire_enum {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$variant_meta:meta])* $tag:literal => $variant:ident
            $({ $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)? })?),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_meta])* $variant $({ $($(#[$field_meta])* $field: $type),* })?),*
        }

        impl $crate::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $(Self::$variant $({ $($field),* })? => {
                        out.push($tag);
                        $($($crate::Wire::put($field, out);)*)?
                    })*
                }
            }
            fn take(input: &mut $crate::Reader<'_>) -> Result<Self, $crate::Malformed> {
                Ok(match <u8 as $crate::Wire>::take(input)? {
                    $($tag => Self::$variant $({ $($field: $crate::Wire::take(input)?),* })?,)*
                    _ => return Err($crate::Malformed(concat!("an unknown ", stringify!($name)))),
                })
            }
        }
    };
}
pub(crate) use wire_enum;
