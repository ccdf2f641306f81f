"""Arrow tables ⇄ DataFrames, with the types of the schema.

Missing values stay missing: integers become ``Int64``, booleans ``boolean``, text ``string``, and
categories ``category``; times are ``datetime64[ns, UTC]``, durations ``float64``.
"""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from pipelines.schema import Table

_PANDAS_TYPES = {
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype("pyarrow"),
}


def finish(rows: pa.Table, table: Table) -> pa.Table:
    """Return plain rows, of all columns of a table or some, with the types of the finished table.

    Categories become dictionaries.
    """
    schema = pa.schema([table.arrow.field(name) for name in rows.column_names])
    columns = [
        column.dictionary_encode() if pa.types.is_dictionary(field.type) else column
        for column, field in zip(rows.columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def to_frame(rows: pa.Table) -> pd.DataFrame:
    """Return an Arrow table as a plain DataFrame."""
    frame: pd.DataFrame = rows.to_pandas(types_mapper=_PANDAS_TYPES.get)
    return frame


def from_frame(frame: pd.DataFrame, table: Table) -> pa.Table:
    """Return the rows of a DataFrame as a plain Arrow table with the columns of `table`."""
    plain = table.plain
    columns = [pa.Array.from_pandas(frame[field.name]).cast(field.type) for field in plain]
    return pa.Table.from_arrays(columns, schema=plain)
