//! Text to vector without weights: words and their trigrams, hashed into 384 signed buckets (feature hashing).
//! Texts that share words lie close together, which is enough to see a search work offline.

/// The length of a vector.
pub(crate) const DIMENSIONS: usize = 384;

/// The unit vector of a text; zeros where it holds no word.
pub(crate) fn embed(text: &str) -> Vec<f32> {
    let mut vector = vec![0.0_f32; DIMENSIONS];
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let word: Vec<char> = format!("<{}>", word.to_lowercase()).chars().collect();
        add(&mut vector, &word, 1.0);
        for trigram in word.windows(3) {
            add(&mut vector, trigram, 0.3);
        }
    }
    let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|x| *x /= norm);
    }
    vector
}

/// The cosine of two unit vectors.
pub(crate) fn similarity(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(vector: &mut [f32], feature: &[char], weight: f32) {
    // FNV-1a, 64 bits.
    let hash = feature
        .iter()
        .flat_map(|c| u32::from(*c).to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let sign = if hash >> 63 == 0 { weight } else { -weight };
    if let Some(bucket) = vector.get_mut((hash % DIMENSIONS as u64) as usize) {
        *bucket += sign;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_share_words_are_close() {
        let [cat, cats, tax] =
            ["the cat sleeps on the sofa", "cats sleep on a sofa", "quarterly tax report"].map(embed);
        assert!((similarity(&cat, &cat) - 1.0).abs() < 1e-5);
        assert!(similarity(&cat, &cats) > 0.4 && similarity(&cat, &tax) < 0.2);
        assert_eq!(embed("..."), vec![0.0; DIMENSIONS]);
    }
}
