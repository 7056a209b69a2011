"""Tests of the reader of weights: what it gives, and that nothing in a file can run."""

import collections
import io
import pickle
import struct
import sys
import types
from unittest import mock

import numpy as np
from absl.testing import absltest, parameterized
from hypothesis import given, settings
from hypothesis import strategies as st

from ogbrain.data.sources import ArchiveError
from ogbrain.data.sources.torch_state_dict import read_state_dict

WEIGHTS: dict[str, np.ndarray] = {
    "conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
    "bn.batches": np.array(7, np.int64),
    "fc.bias": np.array([-1.5, 2.5], np.float32),
}


def _written(weights, sizes=None):
    """Returns a file as `torch.save` wrote it before version 1.6, made without PyTorch."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ("FloatStorage", "LongStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2():
        raise AssertionError("only named, never called")

    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    setattr(utils, "_rebuild_tensor_v2", _rebuild_tensor_v2)  # noqa: B010

    class Storage:
        def __init__(self, key, array):
            self.key, self.array = key, array

    class Tensor:
        def __init__(self, storage):
            self.storage = storage

        def __reduce__(self):
            array = self.storage.array
            strides = tuple(stride // array.itemsize for stride in array.strides)
            shape = (sizes or {}).get(self.storage.key, array.shape)
            return _rebuild_tensor_v2, (self.storage, 0, shape, strides, False, collections.OrderedDict())

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                kind = torch.LongStorage if value.array.dtype == np.int64 else torch.FloatStorage
                return ("storage", kind, value.key, "cpu", value.array.size, None)
            return None

    storages = [Storage(str(index), array) for index, array in enumerate(weights.values())]
    stream = io.BytesIO()
    with mock.patch.dict(sys.modules, {"torch": torch, "torch._utils": utils}):
        for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(value, stream, protocol=2)
        tensors = collections.OrderedDict(zip(weights, map(Tensor, storages), strict=True))
        Pickler(stream, protocol=2).dump(tensors)
    pickle.dump([storage.key for storage in storages], stream, protocol=2)
    for storage in storages:
        stream.write(struct.pack("<q", storage.array.size) + storage.array.tobytes())
    return stream.getvalue()


WHOLE = _written(WEIGHTS)


class TorchStateDictTest(parameterized.TestCase):
    def test_arrays_come_back(self):
        read = read_state_dict(WHOLE, "f")
        self.assertEqual(list(read), list(WEIGHTS))
        for name, array in WEIGHTS.items():
            self.assertEqual(read[name].dtype, array.dtype)
            np.testing.assert_array_equal(read[name], array)

    @parameterized.parameters(
        (b"cos\nsystem\n(S'echo run > /tmp/never'\ntR.",),
        (b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.",),
        (b"\x80\x02ctorch\n_utils\n.",),
        (b"\x80\x02ccollections\nCounter\n)R.",),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.",),
        (b"\x80\x02cos\nsystem\nq\x00.",),
        (b"\x80\x02(i__main__\nX\n.",),
    )
    def test_other_instructions_and_names_are_refused_and_not_run(self, program):
        with (
            mock.patch("os.system", side_effect=AssertionError("it was run")),
            self.assertRaisesRegex(ArchiveError, "weights do not need; refused"),
        ):
            read_state_dict(program, "f")

    def test_tensor_beyond_its_storage_is_refused(self):
        for shape in ((2, 3, 2, 3), (2, 3, 2**40, 2), (-1, 3, 2, 2), (24,)):
            with self.subTest(shape), self.assertRaises(ArchiveError):
                read_state_dict(_written(WEIGHTS, {"0": shape}), "f")

    def test_other_files_are_refused(self):
        for data in (b"", b"PK\x03\x04", pickle.dumps(1, 2), WHOLE[:-1], WHOLE[: len(WHOLE) // 2]):
            with self.subTest(data[:10]), self.assertRaises(ArchiveError):
                read_state_dict(data, "f")

    @settings(deadline=None)
    @given(st.data())
    def test_any_damage_is_refused_or_harmless(self, data):
        damaged = bytearray(WHOLE)
        for _ in range(data.draw(st.integers(1, 4), "changes")):
            damaged[data.draw(st.integers(0, len(damaged) - 1), "at")] = data.draw(st.integers(0, 255), "byte")
        try:
            arrays = read_state_dict(bytes(damaged[: data.draw(st.integers(0, len(damaged)), "length")]), "f")
        except ArchiveError as error:
            self.assertNotIn("\n", str(error))
            return
        self.assertTrue(all(isinstance(array, np.ndarray) for array in arrays.values()))

    @settings(deadline=None)
    @given(st.binary(max_size=100))
    def test_noise_is_refused(self, noise):
        with self.assertRaises(ArchiveError):
            read_state_dict(noise, "f")


if __name__ == "__main__":
    absltest.main()
