//! Schemes that are no weighted sum of the characters' own values.

use super::super::luhn;
use super::number;

/// The scheme of that name.
pub(super) fn by_name(name: &str) -> Option<fn(&[u8]) -> bool> {
    Some(match name {
        "codice_fiscale" => codice_fiscale,
        "curp" => curp,
        "de_kvnr" => de_kvnr,
        "de_svnr" => de_svnr,
        "es_cif" => es_cif,
        "es_nie" => es_nie,
        "fr_nir" => fr_nir,
        "hk_id" => hk_id,
        "ie_pps" => ie_pps,
        "mx_rfc" => mx_rfc,
        "pt_cc" => pt_cc,
        "sg_nric" => sg_nric,
        "tw_id" => tw_id,
        "us_dea" => us_dea,
        "ve_rif" => ve_rif,
        "vin" => vin,
        _ => return None,
    })
}

/// Whether the rest of a sum, as a character of the map, is the wanted one.
fn mapped(rest: i32, map: &[u8], wanted: Option<&u8>) -> bool {
    let mapped = usize::try_from(rest).ok().and_then(|rest| map.get(rest));
    mapped.is_some() && mapped == wanted
}

fn weighed(value: &[u8], weights: &[i32]) -> i32 {
    value.iter().zip(weights).map(|(&byte, weight)| number(byte) * weight).sum()
}

/// Italy, D.M. 23 December 1976: characters in odd places count by a table, and the sum is a letter.
fn codice_fiscale(value: &[u8]) -> bool {
    const ODD: [i32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let place = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte.wrapping_sub(b'A') };
    let count = |(n, &byte): (usize, &u8)| match n % 2 {
        0 => ODD.get(usize::from(place(byte))).copied().unwrap_or(0),
        _ => i32::from(place(byte)),
    };
    let sum: i32 = value.iter().take(15).enumerate().map(count).sum();
    value.get(15).is_some_and(|&last| i32::from(place(last)) == sum % 26)
}

/// Mexico, RENAPO: letters count from 10 with Ñ between N and O.
fn curp(value: &[u8]) -> bool {
    let sum: i32 =
        value.iter().take(17).zip((2..=18).rev()).map(|(&byte, weight)| mexican(byte) * weight).sum();
    mapped((10 - sum % 10) % 10, b"0123456789", value.get(17))
}

/// Mexico, SAT: & stands between N and O; a person's code has twelve characters before the check character.
fn mx_rfc(value: &[u8]) -> bool {
    let sum: i32 =
        value.iter().take(12).zip((2..=13).rev()).map(|(&byte, weight)| mexican(byte) * weight).sum();
    mapped((11 - sum % 11) % 11, b"0123456789A", value.get(12))
}

fn mexican(byte: u8) -> i32 {
    number(byte) + i32::from(byte > b'N')
}

/// Germany, VKVV section 4: the letter counts as two digits, and the digits of each product are summed.
fn de_svnr(value: &[u8]) -> bool {
    value.len() == 12
        && mapped(german(value, 8, &[2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1]), b"0123456789", value.get(11))
}

/// Germany, GKV-Spitzenverband: the same with other weights and the letter in front.
fn de_kvnr(value: &[u8]) -> bool {
    value.len() == 10
        && mapped(german(value, 0, &[1, 2, 1, 2, 1, 2, 1, 2, 1, 2]), b"0123456789", value.get(9))
}

/// The rest of ten of the products' digits, the letter at a place counting as two digits.
fn german(value: &[u8], place: usize, weights: &[i32]) -> i32 {
    let digits = value.iter().enumerate().flat_map(|(n, &byte)| {
        let counts = number(byte) - if n == place { 9 } else { 0 };
        [(n == place).then_some(counts / 10), Some(counts % 10)]
    });
    let products = digits.flatten().zip(weights).map(|(digit, weight)| digit * weight);
    products.map(|product| product / 10 + product % 10).sum::<i32>() % 10
}

/// Spain, Orden EHA/451/2008: Luhn over the seven digits, as a digit or as a letter.
fn es_cif(value: &[u8]) -> bool {
    let Some(digits) = value.get(1..8) else { return false };
    (0..10u8).any(|check| {
        let (mut all, place) = ([0; 8], usize::from(check));
        all.iter_mut()
            .zip(digits.iter().map(|&b| b.wrapping_sub(b'0')).chain([check]))
            .for_each(|(a, b)| *a = b);
        let letter = b"JABCDEFGHI".get(place).copied();
        luhn(&all) && value.get(8).is_some_and(|&last| last == b'0' + check || Some(last) == letter)
    })
}

/// Spain, Orden INT/2058/2008: X, Y and Z stand for 0, 1 and 2.
fn es_nie(value: &[u8]) -> bool {
    let first = value.first().map_or(0, |&byte| i32::from(byte.wrapping_sub(b'X')));
    let sum = value.iter().skip(1).take(7).fold(first, |sum, &byte| sum * 10 + number(byte));
    mapped(sum % 23, b"TRWAGMYFPDXBNJZSQVHLCKE", value.get(8))
}

/// France, INSEE: 97 less the rest; the departments 2A and 2B count as 19 and 18.
fn fr_nir(value: &[u8]) -> bool {
    let digit = |byte: u8| match byte {
        b'A' => 9,
        b'B' => 8,
        _ => u64::from(byte.wrapping_sub(b'0') % 10),
    };
    let corsican = value.get(6).is_some_and(u8::is_ascii_uppercase);
    let number = value
        .iter()
        .take(13)
        .enumerate()
        .fold(0u64, |sum, (n, &byte)| sum * 10 + if corsican && n == 5 { 1 } else { digit(byte) });
    let key = value.get(13..15).unwrap_or_default().iter().fold(0, |sum, &byte| sum * 10 + digit(byte));
    value.len() == 15 && 97 - number % 97 == key
}

/// Hong Kong, Immigration Department: a missing second letter counts 36.
fn hk_id(value: &[u8]) -> bool {
    let blank = if value.len() == 8 { 36 * 9 } else { 0 };
    let sum: i32 = value.iter().rev().zip(1..).map(|(&byte, weight)| number(byte) * weight).sum();
    (sum + blank) % 11 == 0
}

/// Ireland, Department of Social Protection: the second letter counts 1 (A) to 9 (I), W nothing, nine times.
fn ie_pps(value: &[u8]) -> bool {
    let second = value.get(8).filter(|byte| **byte != b'W').map_or(0, |&byte| number(byte) - 9);
    let sum = weighed(value, &[8, 7, 6, 5, 4, 3, 2]) + second * 9;
    mapped(sum % 23, b"WABCDEFGHIJKLMNOPQRSTUV", value.get(7))
}

/// Singapore, ICA: the series decides the offset and the table.
fn sg_nric(value: &[u8]) -> bool {
    let sum = weighed(value.get(1..).unwrap_or_default(), &[2, 7, 6, 5, 4, 3, 2]);
    let (plus, table) = match value.first() {
        Some(b'S') => (0, b"JZIHGFEDCBA"),
        Some(b'T') => (4, b"JZIHGFEDCBA"),
        Some(b'F') => (0, b"XWUTRQPNMLK"),
        Some(b'G') => (4, b"XWUTRQPNMLK"),
        Some(b'M') => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    mapped((sum + plus) % 11, table, value.get(8))
}

/// Taiwan, Ministry of the Interior: the letter stands for two digits.
fn tw_id(value: &[u8]) -> bool {
    const LETTERS: [i32; 26] = [
        10, 11, 12, 13, 14, 15, 16, 17, 34, 18, 19, 20, 21, 22, 35, 23, 24, 25, 26, 27, 28, 29, 32, 30, 31,
        33,
    ];
    let Some((&first, rest)) = value.split_first() else { return false };
    let letter = LETTERS.get(usize::from(first.wrapping_sub(b'A'))).copied().unwrap_or(0);
    let second = match rest.first() {
        // New resident certificates have a second letter.
        Some(&byte @ b'A'..=b'D') => number(byte) % 10,
        Some(&byte) => number(byte),
        None => 0,
    };
    let sum = letter / 10 + letter % 10 * 9 + second * 8;
    (sum + weighed(rest.get(1..).unwrap_or_default(), &[7, 6, 5, 4, 3, 2, 1, 1])) % 10 == 0
}

/// United States, 21 CFR 1301 (DEA numbers): odd places, and twice the even ones.
fn us_dea(value: &[u8]) -> bool {
    let sum = weighed(value.get(2..).unwrap_or_default(), &[1, 2, 1, 2, 1, 2]);
    mapped(sum % 10, b"0123456789", value.get(8))
}

/// Portugal, IRN: Luhn with letters counting from 10, reduced by 9 once.
fn pt_cc(value: &[u8]) -> bool {
    let count = |(n, &byte): (usize, &u8)| match (n % 2, number(byte) * 2) {
        (0, twice) if twice > 9 => twice - 9,
        (0, twice) => twice,
        _ => number(byte),
    };
    value.iter().enumerate().map(count).sum::<i32>() % 10 == 0
}

/// Venezuela, SENIAT: the letter counts 4 to 20.
fn ve_rif(value: &[u8]) -> bool {
    let kind = match value.first() {
        Some(b'V') => 4,
        Some(b'E') => 8,
        Some(b'J') => 12,
        Some(b'P') => 16,
        Some(b'G') => 20,
        _ => return false,
    };
    let sum = kind + weighed(value.get(1..).unwrap_or_default(), &[3, 2, 7, 6, 5, 4, 3, 2]);
    mapped(sum % 11, b"00987654321", value.get(9))
}

/// North America, 49 CFR 565.15: letters count by a table, and the ninth character is the rest of eleven.
fn vin(value: &[u8]) -> bool {
    const LETTERS: [i32; 26] = [1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, 4, 5, 0, 7, 0, 9, 2, 3, 4, 5, 6, 7, 8, 9];
    const WEIGHTS: [i32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let count = |byte: u8| match byte {
        b'0'..=b'9' => i32::from(byte - b'0'),
        _ => LETTERS.get(usize::from(byte.wrapping_sub(b'A'))).copied().unwrap_or(0),
    };
    let sum: i32 = value.iter().zip(WEIGHTS).map(|(&byte, weight)| count(byte) * weight).sum();
    value.len() == 17 && mapped(sum % 11, b"0123456789X", value.get(8))
}

#[cfg(test)]
mod tests {
    use super::by_name;

    #[test]
    fn published_examples_pass_and_neighbours_do_not() {
        for (name, good, bad) in [
            ("codice_fiscale", "RSSMRA85T10A562S", "RSSMRA85T10A562T"),
            ("curp", "BOXW310820HNERXN09", "BOXW310820HNERXN08"),
            ("de_kvnr", "A123456780", "A123456781"),
            ("de_svnr", "15070649C103", "15070649C104"),
            ("es_cif", "A58818501", "A58818502"),
            ("es_nie", "X2482300W", "X2482300A"),
            ("fr_nir", "295109912611193", "295109912611199"),
            ("hk_id", "A1234563", "A1234564"),
            ("ie_pps", "1234567T", "1234567A"),
            ("ie_pps", "1234567FA", "1234567TA"),
            ("mx_rfc", "GODE561231GR8", "GODE561231GR9"),
            ("pt_cc", "000000000ZZ4", "000000000ZZ3"),
            ("sg_nric", "S1234567D", "S1234567E"),
            ("sg_nric", "T0000001E", "T0000001F"),
            ("tw_id", "A123456789", "A123456788"),
            ("us_dea", "AB1234563", "AB1234564"),
            ("ve_rif", "V114702834", "V114702835"),
            ("vin", "1M8GDM9AXKP042788", "1M8GDM9AXKP042789"),
        ] {
            let scheme = by_name(name).unwrap();
            assert!(scheme(good.as_bytes()), "{name}: {good}");
            assert!(!scheme(bad.as_bytes()), "{name}: {bad}");
        }
        assert!(by_name("none").is_none());
    }
}
