//! Signatures as Standard Webhooks has them: HMAC-SHA-256 over id, time and the exact body.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::error::{Error, ErrorKind};

/// What a key begins with.
const PREFIX: &str = "whsec_";
/// The shortest key, in bytes.
const SHORTEST: usize = 24;

/// The value of `webhook-signature`. `key` is `whsec_` and base64.
///
/// # Errors
/// Where the key is not one; it is not quoted.
pub(super) fn signature(key: &str, id: &str, seconds: i64, body: &[u8]) -> Result<String, Error> {
    let wrong =
        || Error::new(ErrorKind::Input, "expected a key such as whsec_ and 24 bytes or more in base64");
    let key = key.strip_prefix(PREFIX).and_then(|text| BASE64.decode(text).ok()).ok_or_else(wrong)?;
    if key.len() < SHORTEST {
        return Err(wrong());
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| wrong())?;
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    Ok(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and message of the specification's own example of signing.
    #[test]
    fn it_signs_as_others_verify() {
        let signed = signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        for key in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64!"] {
            let error = signature(key, "a", 0, b"").unwrap_err().to_string();
            assert!(key.is_empty() || !error.contains(key) || key == "whsec_", "{error}");
        }
    }
}
