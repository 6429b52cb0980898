//! Random numbers that a seed decides: SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number
//! generators", 2014).

#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the name says it")]
pub struct Rng(u64);

impl Rng {
    #[must_use]
    #[expect(missing_docs, reason = "the name says it")]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, evenly distributed over all of `u64`.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not zero.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A number from `start` to `end`, both included.
    pub const fn between(&mut self, start: u64, end: u64) -> u64 {
        start + self.next() % (end - start + 1)
    }

    /// Whether something happens that does in `part` of 1000 cases.
    pub const fn permille(&mut self, part: u64) -> bool {
        self.below(1000) < part
    }

    /// One of these, which are not none.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let index = self.below(from.len() as u64);
        from[usize::try_from(index).unwrap_or(0)]
    }

    /// An index into something of this length, which is not zero.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }
}
