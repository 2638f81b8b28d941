//! Types that travel as text: fixed-length bytes as base64url, one type for each meaning, so that none is taken for another;
//! and checked texts.

/// The text is not the base64url form of what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a {what}: {bytes} bytes of base64url are needed")]
pub struct NotEncoded {
    /// What was expected.
    pub what: &'static str,
    /// How many bytes it has.
    pub bytes: usize,
}

/// Makes a type of `$len` bytes that is written, parsed and serialised as base64url without padding.
macro_rules! base64_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(unreachable_pub, reason = "some of these types are private to their module")]
        pub struct $name([u8; $len]);

        #[allow(unreachable_pub, reason = "some of these types are private to their module")]
        impl $name {
            /// From its bytes.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                use base64::Engine as _;
                f.write_str(&base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::encoded::NotEncoded;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                use base64::Engine as _;
                let refused = $crate::encoded::NotEncoded { what: $what, bytes: $len };
                // Checked first, so that a hostile text is never decoded at length.
                if text.len() != ($len * 4usize).div_ceil(3) {
                    return Err(refused);
                }
                let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
                    .decode(text)
                    .map_err(|_| refused)?;
                Ok(Self(bytes.try_into().map_err(|_| refused)?))
            }
        }

        $crate::encoded::as_text!($name);
    };
}

/// JSON of types that have a text: written as they are displayed, read as they are parsed.
macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

/// A type around a checked text (`Box<str>`): it reads and shows like the text itself.
macro_rules! checked_text {
    ($name:ident) => {
        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&*self.0, f)
            }
        }

        $crate::encoded::as_text!($name);
    };
}

pub(crate) use {as_text, base64_bytes, checked_text};

#[cfg(test)]
mod tests {
    base64_bytes!(
        /// For these tests.
        Sample,
        16,
        "sample"
    );

    #[test]
    fn survives_text_and_json() {
        let sample = Sample::from_bytes([0xfb; 16]);
        assert_eq!(sample.to_string().len(), 22);
        assert_eq!(sample.to_string().parse(), Ok(sample));
        assert_eq!(sample.as_bytes(), &[0xfb; 16]);
        let json = serde_json::to_string(&sample).unwrap();
        assert_eq!(serde_json::from_str::<Sample>(&json).unwrap(), sample);
    }

    #[test]
    fn refuses_other_lengths_alphabets_and_trailing_bits() {
        let text = Sample::from_bytes([0; 16]).to_string();
        assert!(text[1..].parse::<Sample>().is_err(), "one character short");
        assert!(format!("{text}A").parse::<Sample>().is_err(), "one character long");
        assert!(text.replacen('A', "+", 1).parse::<Sample>().is_err(), "the other alphabet");
        // The last of 22 characters has 4 unused bits: two texts must not name the same bytes.
        assert!(format!("{}B", &text[..21]).parse::<Sample>().is_err(), "unused bits set");
    }
}
