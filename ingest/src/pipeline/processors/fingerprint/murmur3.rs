//! MurmurHash3, 128 bits for 64-bit machines, seed 0 (Appleby 2011, `MurmurHash3_x64_128`).

const C1: u64 = 0x87c3_7b91_1142_53d5;
const C2: u64 = 0x4cf5_ad43_2745_937f;

/// The hash, its two halves in big endian.
pub(super) fn hash(input: &[u8]) -> [u8; 16] {
    let (mut h1, mut h2) = (0u64, 0u64);
    let (blocks, tail) = input.as_chunks::<16>();
    for block in blocks {
        let (k1, k2) = halves(block);
        h1 ^= first(k1);
        h1 = h1.rotate_left(27).wrapping_add(h2).wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 ^= second(k2);
        h2 = h2.rotate_left(31).wrapping_add(h1).wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    // A half of zeros leaves its part of the state as it is.
    let mut rest = [0; 16];
    for (to, from) in rest.iter_mut().zip(tail) {
        *to = *from;
    }
    let (k1, k2) = halves(&rest);
    h2 ^= second(k2);
    h1 ^= first(k1);
    let length = input.len() as u64;
    h1 ^= length;
    h2 ^= length;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    (h1, h2) = (mix(h1), mix(h2));
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    ((u128::from(h1) << 64) | u128::from(h2)).to_be_bytes()
}

fn halves(block: &[u8; 16]) -> (u64, u64) {
    let both = u128::from_le_bytes(*block);
    (both as u64, (both >> 64) as u64)
}

fn first(k: u64) -> u64 {
    k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2)
}

fn second(k: u64) -> u64 {
    k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1)
}

fn mix(mut k: u64) -> u64 {
    k ^= k >> 33;
    k = k.wrapping_mul(0xff51_afd7_ed55_8ccd);
    k ^= k >> 33;
    k = k.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    k ^ (k >> 33)
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn known_answers() {
        let check =
            |text: &str, expected: &str| assert_eq!(hex::encode(hash(text.as_bytes())), expected, "{text}");
        check("", "00000000000000000000000000000000");
        check("hello", "cbd8a7b341bd9b025b1e906a48ae1d19");
        check("The quick brown fox jumps over the lazy dog", "e34bbc7bbc071b6c7a433ca9c49a9347");
    }
}
