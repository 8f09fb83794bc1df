//! Cuts a fuzzer's bytes into the parts that a target needs.

/// Bytes that are taken from the front. What is not there reads as zero or as nothing, so that every input means
/// something and a mutation at its end changes only what comes last.
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// All of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `count` bytes, or fewer at the end.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self) -> u32 {
        u32::from(self.u16()) | u32::from(self.u16()) << 16
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self) -> u64 {
        u64::from(self.u32()) | u64::from(self.u32()) << 32
    }

    /// A length of one byte, then as many bytes.
    pub fn short(&mut self) -> &'a [u8] {
        let length = self.byte();
        self.take(usize::from(length))
    }

    /// `bytes` with others in place of some of them, so many times.
    pub fn edited(&mut self, bytes: &[u8], times: u8) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..times {
            let (at, with) = (usize::from(self.byte()), self.short());
            let at = at.min(bytes.len());
            let end = (at + with.len()).min(bytes.len());
            bytes.splice(at..end, with.iter().copied());
        }
        bytes
    }

    /// A length of two bytes, then as many bytes.
    pub fn long(&mut self) -> &'a [u8] {
        let length = self.u16();
        self.take(usize::from(length))
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}
