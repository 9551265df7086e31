"""Makes the files of Arrow and Parquet here: `python make.py` with pyarrow (26.0.1 made these)."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent


def numbers(rows: int, width: int) -> list[list[float]]:
    return [[row + 0.5 * column for column in range(width)] for row in range(rows)]


def main() -> None:
    ids = [f"doc-{row}" for row in range(5)]
    plain = pa.table({"id": ids, "text": ["a text"] * 5, "vector": pa.array(numbers(5, 4), pa.list_(pa.float32(), 4))})
    pq.write_table(plain, HERE / "export.parquet")
    with pa.ipc.new_file(HERE / "export.arrow", plain.schema) as file:
        file.write_table(plain, max_chunksize=2)
    with pa.ipc.new_stream(HERE / "export.arrows", plain.schema) as stream:
        stream.write_table(plain, max_chunksize=2)

    # Seven rows: a vector of halves in each, one of doubles in five of them, two numbers and a list of words that are none.
    some = numbers(7, 3)
    some[1] = some[4] = None
    mixed = pa.table(
        {
            "number": pa.array(range(7), pa.int64()),
            "half": pa.array(numbers(7, 8), pa.list_(pa.float16())),
            "some": pa.array(some, pa.large_list(pa.float64())),
            "within": pa.array([{"code": [1, 2, 3], "score": 0.5}] * 7, pa.struct({"code": pa.list_(pa.int8()), "score": pa.float32()})),
            "words": pa.array([["a", "b"]] * 7, pa.list_(pa.string())),
            "counts": pa.array([[1, 2]] * 7, pa.list_(pa.int64())),
            "kind": pa.array(["x", "y"] * 3 + ["x"]).dictionary_encode(),
        }
    )
    pq.write_table(
        mixed, HERE / "mixed.parquet", row_group_size=3, data_page_version="2.0", compression="zstd", write_page_index=True,
        bloom_filter_options={"number": {"ndv": 7, "fpp": 0.1}},
    )
    with pa.ipc.new_stream(HERE / "mixed.arrows", mixed.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_table(mixed, max_chunksize=3)

    # Two tokens in the first row, none in the second, three in the third: five vectors.
    several = pa.table({"tokens": pa.array([numbers(2, 4), [], numbers(3, 4)], pa.list_(pa.list_(pa.float32(), 4)))})
    pq.write_table(several, HERE / "several.parquet")
    with pa.ipc.new_file(HERE / "several.arrow", several.schema) as file:
        file.write_table(several)
    pq.write_table(pa.table({"name": ["a", "b"], "size": [1, 2]}), HERE / "none.parquet", use_dictionary=False)


if __name__ == "__main__":
    main()
