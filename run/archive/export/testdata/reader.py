"""Reads an exported file with other people's code, or with none but Python's.

usage: reader.py READER FILE

Prints one JSON object: columns (name: list of values, NaN as null), units and
the name of the run. Ends with exit code 77 where the reader is not installed.
"""

import ast
import json
import math
import struct
import sys
import zipfile


def npy(data):
    """Reads an array file by its published format."""
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    (length,) = struct.unpack("<H", data[8:10])
    assert (10 + length) % 64 == 0
    head = ast.literal_eval(data[10:10 + length].decode("latin1"))
    assert head["fortran_order"] is False
    body, kind, shape = data[10 + length:], head["descr"], head["shape"]
    count = 1
    for n in shape:
        count *= n
    if kind.startswith("<U"):
        width = 4 * int(kind[2:])
        assert len(body) == width * count
        values = [body[i * width:(i + 1) * width].decode("utf-32-le").rstrip("\0") for i in range(count)]
    else:
        values = list(struct.unpack("<%d%s" % (count, {"<i8": "q", "<f8": "d"}[kind]), body))
    return values if shape else values[0]


def npz_by_hand(path):
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        arrays = {name[:-4]: npy(archive.read(name)) for name in archive.namelist()}
    metadata = json.loads(arrays.pop("metadata"))
    return arrays, {c["name"]: c["unit"] for c in metadata["columns"]}, metadata["run"]


def npz_numpy(path):
    import numpy
    data = numpy.load(path)
    metadata = json.loads(str(data["metadata"]))
    return ({name: data[name].tolist() for name in data.files if name != "metadata"},
            {c["name"]: c["unit"] for c in metadata["columns"]}, metadata["run"])


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        part = self.data[self.at:self.at + n]
        assert len(part) == n, "the file ends too early"
        self.at += n
        return part

    def u32(self):
        return struct.unpack(">I", self.take(4))[0]

    def padded(self, n):
        part = self.take(n)
        assert self.take(-n % 4).strip(b"\0") == b""
        return part

    def text(self):
        return self.padded(self.u32()).decode()

    def items(self, tag, read):
        found, n = self.u32(), self.u32()
        assert found == (tag if n else 0), (found, n)
        return [read() for _ in range(n)]

    def attribute(self):
        name = self.text()
        assert self.u32() == 2
        return name, self.padded(self.u32()).decode()


def netcdf_by_hand(path):
    """Reads a NetCDF classic file by its published grammar."""
    c = Cursor(open(path, "rb").read())
    assert c.take(4) == b"CDF\x02"
    records = c.u32()
    dimensions = c.items(0x0A, lambda: (c.text(), c.u32()))
    assert [d for d in dimensions if d[1] == 0] == [dimensions[0]]
    facts = dict(c.items(0x0C, c.attribute))

    def variable():
        name = c.text()
        shape = [c.u32() for _ in range(c.u32())]
        attributes = dict(c.items(0x0C, c.attribute))
        return name, shape, attributes, c.u32(), c.u32(), struct.unpack(">Q", c.take(8))[0]

    variables = c.items(0x0B, variable)
    # A variable of a dimension's name is its coordinates.
    assert not {d[0] for d in dimensions} & {v[0] for v in variables}
    size = sum(v[4] for v in variables)
    assert variables[0][5] == c.at and len(c.data) == c.at + records * size
    columns, units = {}, {}
    for name, shape, attributes, kind, length, begin in variables:
        assert shape[0] == 0 and attributes["long_name"]
        units[name] = attributes["units"].replace("1", "")
        values = []
        for i in range(records):
            raw = c.data[begin + i * size:begin + i * size + length]
            if kind == 2:
                values.append(raw[:dimensions[shape[1]][1]].rstrip(b"\0").decode())
            else:
                values.append(struct.unpack({4: ">i", 6: ">d"}[kind], raw)[0])
        columns[name] = values
    return columns, units, facts["run"]


def netcdf_scipy(path):
    from scipy.io import netcdf_file
    with netcdf_file(path, "r", mmap=False) as f:
        columns, units = {}, {}
        for name, v in f.variables.items():
            units[name] = v.units.decode().replace("1", "")
            if v.data.dtype.kind == "S":
                columns[name] = [b"".join(row).rstrip(b"\0").decode() for row in v.data]
            else:
                columns[name] = v.data.tolist()
        return columns, units, f.run.decode()


def netcdf_xarray(path):
    import scipy.io  # which xarray reads the format with
    import xarray
    with xarray.open_dataset(path, engine="scipy") as d:
        assert not d.indexes, d.indexes
        if "kind" in d:  # the readings of a row are those of its devices
            assert (d.where(d.row == 3, drop=True).row == 3).all()
        columns = {name: [x.decode() if isinstance(x, bytes) else x for x in v.values.tolist()] for name, v in d.items()}
        return columns, {name: v.units.replace("1", "") for name, v in d.items()}, d.attrs["run"]


def parquet_pyarrow(path):
    import pyarrow.parquet
    table = pyarrow.parquet.read_table(path)
    metadata = json.loads(table.schema.metadata[b"xlab"])
    return table.to_pydict(), {c["name"]: c["unit"] for c in metadata["columns"]}, metadata["run"]


readers = {"npz": npz_by_hand, "numpy": npz_numpy, "netcdf": netcdf_by_hand, "scipy": netcdf_scipy, "xarray": netcdf_xarray, "pyarrow": parquet_pyarrow}

try:
    columns, units, run = readers[sys.argv[1]](sys.argv[2])
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)
plain = {n: [None if isinstance(x, float) and math.isnan(x) else x for x in v] for n, v in columns.items()}
json.dump({"columns": plain, "units": units, "run": run}, sys.stdout)
