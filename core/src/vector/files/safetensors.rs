//! The header of a safetensors file: its length, and a JSON object of tensors by name.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Array;

#[derive(Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
}

/// The tensors of the header; `None` where it is not complete, an error where it is none.
pub(super) fn arrays(bytes: &[u8]) -> Result<Option<Vec<Array>>, ()> {
    let Some(length) = bytes.first_chunk::<8>() else { return Ok(None) };
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| ())?;
    if length > super::MAX_HEADER - 8 {
        return Err(());
    }
    let Some(header) = bytes.get(8..8 + length) else { return Ok(None) };
    let members: BTreeMap<String, serde_json::Value> = serde_json::from_slice(header).map_err(|_| ())?;
    let mut arrays = Vec::new();
    for (name, value) in members {
        if name != "__metadata__" {
            let Tensor { dtype, shape } = Tensor::deserialize(value).map_err(|_| ())?;
            let vectors = matches!(dtype.as_str(), "F16" | "BF16" | "F32" | "F64" | "I8" | "U8");
            arrays.push(Array { vectors, shape });
        }
    }
    Ok(Some(arrays))
}
