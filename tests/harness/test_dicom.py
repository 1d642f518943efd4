"""DICOM files: grey levels as another reading has them, what is refused by name, and who is never named."""

from __future__ import annotations

import io
import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom import uid
from pydicom.pixels import apply_modality_lut, apply_voi_lut, pixel_array

from conftest import refused
from dicom_files import SECRETS, content, dataset, jpeg, lookup_table, lossless_jpeg, with_stream
from own_folders import COCO, boxes_of, coco, entry, write_json
from wsbench.data import dicom
from wsbench.data.images import inspect_file, inspect_files, read_radiograph
from wsbench.errors import WsbenchError
from wsbench.utils.progress import Silent


def values(bits: int, dtype: str = "uint16", shape: tuple[int, int] = (50, 60)) -> np.ndarray:
    """Noise of all values that some bits hold."""
    signed = np.dtype(dtype).kind == "i"
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    return np.random.default_rng(bits).integers(low, high, shape).astype(dtype)


def grey(data: bytes) -> np.ndarray:
    return dicom.read(data)[1].astype(np.float64)


def another(data: bytes) -> np.ndarray:
    """The grey levels by pydicom's own functions, pixel by pixel."""
    file = pydicom.dcmread(io.BytesIO(data))
    signed, bits = file.PixelRepresentation == 1, file.BitsStored
    ends = np.array([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] if signed else [0, 2**bits - 1])
    modality, ends = (apply_modality_lut(array, file) for array in (pixel_array(file), ends))
    shown = apply_voi_lut(modality, file)
    low, high = sorted(ends)
    if "VOILUTSequence" in file:
        low, high = 0, 2 ** file.VOILUTSequence[0].LUTDescriptor[2] - 1
    shares = (shown - low) / (high - low)
    return 255 * (1 - shares if file.PhotometricInterpretation == "MONOCHROME1" else shares)


CASES: dict[str, tuple[np.ndarray, dict[str, Any]]] = {
    "8 bits": (values(8, "uint8"), {}),
    "inverted": (values(8, "uint8"), {"PhotometricInterpretation": "MONOCHROME1"}),
    "12 bits": (values(12), {"BitsStored": 12}),
    "16 bits": (values(16), {}),
    "signed": (values(12, "int16"), {"BitsStored": 12}),
    "rescaled": (values(12), {"BitsStored": 12, "RescaleSlope": "0.5", "RescaleIntercept": "-1024"}),
    "window": (values(12), {"BitsStored": 12, "WindowCenter": "2000", "WindowWidth": "1500"}),
    "two windows": (values(12), {"BitsStored": 12, "WindowCenter": [900, 50], "WindowWidth": [300, 7]}),
    "window of rescaled": (
        values(12, "int16"),
        {
            "BitsStored": 12, "RescaleSlope": "2", "RescaleIntercept": "-100", "WindowCenter": "-40",
            "WindowWidth": "400.5", "PhotometricInterpretation": "MONOCHROME1",
        },
    ),
    "exact window": (
        values(12),
        {"BitsStored": 12, "WindowCenter": "2000", "WindowWidth": "1500", "VOILUTFunction": "LINEAR_EXACT"},
    ),
    "sigmoid": (
        values(12),
        {"BitsStored": 12, "WindowCenter": "2000", "WindowWidth": "900", "VOILUTFunction": "SIGMOID"},
    ),
    "narrowest window": (values(8, "uint8"), {"WindowCenter": "100", "WindowWidth": "1"}),
    "table": (
        values(12),
        {
            "BitsStored": 12, "WindowCenter": "1", "WindowWidth": "1",
            "VOILUTSequence": [lookup_table(np.arange(3000)[::-1] // 3, 500, 10)],
        },
    ),
    "table of the modality": (
        values(8, "uint8"),
        {"ModalityLUTSequence": [lookup_table(np.arange(256) ** 2 % 4000, 0, 16)],
         "WindowCenter": "2000", "WindowWidth": "4000"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_grey_levels_are_those_of_another_reading(case: str) -> None:
    pixels, elements = CASES[case]
    data = content(dataset(pixels, **elements))
    ours, theirs = grey(data), another(data)
    if case == "table of the modality":  # pydicom scales a window by the rescale slope, which it has not
        theirs = 255 * np.clip((pixels.astype(float) ** 2 % 4000 - 1999.5) / 3999 + 0.5, 0, 1)
    assert abs(ours - np.clip(theirs, 0, 255)).max() <= 0.5 + 1e-9
    assert len(np.unique(ours)) > (1 if case == "narrowest window" else 100)


def test_eight_bits_without_a_window_stay_as_they_are() -> None:
    pixels = values(8, "uint8")
    assert (grey(content(dataset(pixels))) == pixels).all()
    inverted = content(dataset(pixels, PhotometricInterpretation="MONOCHROME1"))
    assert (grey(inverted) == 255 - pixels.astype(int)).all()


def test_bits_beside_the_value_are_passed_over() -> None:
    """Old files keep overlays in them."""
    pixels = values(12)
    plain = grey(content(dataset(pixels, BitsStored=12)))
    assert (grey(content(dataset(pixels | 0x8000, BitsStored=12))) == plain).all()


@pytest.mark.parametrize(
    "syntax",
    [uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian, uid.RLELossless, uid.JPEG2000Lossless],
    ids=lambda syntax: syntax.name,
)
def test_other_transfer_syntaxes_hold_the_same_pixels(syntax: Any) -> None:
    pixels, elements = CASES["window"]
    plain = grey(content(dataset(pixels, **elements)))
    data = content(dataset(pixels, **elements), syntax)
    assert (grey(data) == plain).all()
    for length in range(200, len(data), max(1, len(data) // 9)):
        with pytest.raises(dicom.DicomError, match=r"damaged|cut off"):
            dicom.read(data[:length])


def test_a_jpeg_inside_is_read() -> None:
    smooth = np.add.outer(np.arange(50), np.arange(60)).astype(np.uint8)
    assert abs(grey(jpeg(smooth)) - smooth).max() <= 6
    inverted = jpeg(smooth, PhotometricInterpretation="MONOCHROME1")
    assert abs(grey(inverted) - (255.0 - smooth)).max() <= 6


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_a_lossless_jpeg_inside_is_read(bits: int) -> None:
    pixels = values(bits, "uint8" if bits == 8 else "uint16")
    data = dataset(pixels, BitsStored=bits)
    stream = lossless_jpeg(pixels, bits)
    expected = grey(content(dataset(pixels, BitsStored=bits)))
    assert (grey(with_stream(data, stream, uid.JPEGLosslessSV1)) == expected).all()
    cut = with_stream(data, stream[: len(stream) * 2 // 3], uid.JPEGLosslessSV1)
    with pytest.raises(dicom.DicomError, match="its compressed pixels end too early"):
        dicom.read(cut)


@pytest.mark.parametrize("syntax", ["JPEG2000Lossless", "JPEGLosslessSV1", "JPEGBaseline8Bit", "RLELossless"])
def test_damaged_streams_are_one_error_and_silent(syntax: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Decoders are libraries of C, some of which print."""
    pixels = values(8, "uint8")
    if syntax == "JPEGLosslessSV1":
        data = with_stream(dataset(pixels), lossless_jpeg(pixels, 8), uid.JPEGLosslessSV1)
    elif syntax == "JPEGBaseline8Bit":
        data = jpeg(pixels)
    else:
        data = content(dataset(pixels), getattr(uid, syntax))
    random, refusals = np.random.default_rng(0), 0
    for _ in range(40):
        noisy = bytearray(data)
        for place in random.integers(len(data) - 2000, len(data) - 20, size=4):
            noisy[place] = random.integers(0, 256)
        try:
            assert dicom.read(bytes(noisy))[1].shape == (50, 60)
        except dicom.DicomError:
            refusals += 1
    assert refusals or syntax != "JPEGLosslessSV1"
    assert capfd.readouterr() == ("", "")


def test_a_stream_of_another_size_than_it_says_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    small, stream = values(8, "uint8"), io.BytesIO()
    Image.fromarray(np.zeros((3000, 4000), np.uint8)).save(stream, format="JPEG")
    bomb = with_stream(dataset(small), stream.getvalue(), uid.JPEGBaseline8Bit)
    j2k = pydicom.dcmread(io.BytesIO(content(dataset(small), uid.JPEG2000Lossless)))
    codestream = bytearray(pydicom.encaps.get_frame(j2k.PixelData, 0, number_of_frames=1))
    struct.pack_into(">II", codestream, 8, 60_000, 50_000)
    decoded = []
    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.as_array", lambda *a, **k: decoded.append(a))
    for data in (bomb, with_stream(dataset(small), bytes(codestream), uid.JPEG2000Lossless)):
        with pytest.raises(dicom.DicomError, match="its compressed pixels are not of the size that it says"):
            dicom.read(data)
    assert decoded == []


COLOUR = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "frames": ({"NumberOfFrames": "12"}, "has 12 frames; files of one frame are read"),
    "colour": (COLOUR, "is a colour image (RGB); grey ones are read"),
    "palette": ({"PhotometricInterpretation": "PALETTE COLOR"}, "is a colour image (PALETTE COLOR)"),
    "one bit": ({"BitsAllocated": 1, "BitsStored": 1}, "has 1 bits a pixel; 8 and 16 are read"),
    "32 bits": ({"BitsAllocated": 32, "BitsStored": 32}, "has 32 bits a pixel"),
    "no photometry": ({"PhotometricInterpretation": None}, "does not say whether it is MONOCHROME1 or"),
    "odd photometry": ({"PhotometricInterpretation": "KRANKENMEIER"}, "does not say whether it is MONO"),
    "bits": ({"BitsStored": 9, "HighBit": 8}, "does not say well which bits of a pixel hold its value"),
    "high bit": ({"BitsStored": 8, "HighBit": 3}, "does not say well which bits of a pixel hold its value"),
    "no window": ({"WindowCenter": "10", "WindowWidth": "0"}, "has a window without a width"),
    "odd window": (
        {"WindowCenter": "10", "WindowWidth": "9", "VOILUTFunction": "KRANKENMEIER"},
        "has a window of an unknown function",
    ),
    "no slope": ({"RescaleSlope": "0"}, "has a rescale slope of 0"),
    "short table": (
        {"VOILUTSequence": [lookup_table(np.arange(4), 0, 16, count=5)]},
        "has a lookup table that is shorter than it says",
    ),
    "no size": ({"Rows": None}, "is damaged: an element that describes its pixels is not valid"),
    "empty": ({"Rows": 0}, "has 60x0 pixels"),
    "large": ({"Rows": 60_000, "Columns": 60_000}, "has 60000x60000 pixels, which take 7200 MB"),
    "fewer pixels": ({"Rows": 51}, "is damaged: pixels are missing"),
    "no pixels": ({"PixelData": None}, ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_read_is_refused_by_name(case: str, tmp_path: Path) -> None:
    elements, words = REFUSED[case]
    data = dataset(values(8, "uint8"), **elements)
    if case == "no pixels":
        del data.PixelData
        words = "has no pixels, or is cut off"
    (tmp_path / "a.dcm").write_bytes(content(data))
    facts = inspect_file(tmp_path / "a.dcm")
    assert facts.broken.startswith(words) and len(facts.broken) < 160
    assert not any(secret.lower() in facts.broken.lower() for secret in SECRETS)


def test_floating_point_and_deflated_files_are_refused_by_name() -> None:
    data = dataset(values(8, "uint8"), FloatPixelData=b"\0" * 12000)
    del data.PixelData
    with pytest.raises(dicom.DicomError, match="has floating-point pixels, which are not read"):
        dicom.read(content(data))
    with pytest.raises(dicom.DicomError, match="is deflated as a whole"):
        dicom.read(content(dataset(values(8, "uint8")), uid.DeflatedExplicitVRLittleEndian))
    with pytest.raises(dicom.DicomError, match="compressed in a way that is not read"):
        dicom.read(with_stream(dataset(values(8, "uint8")), b"\0" * 8, uid.MPEG2MPML))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is no DICOM file: it is empty"),
        (b"words", "is no DICOM file: it lacks the mark DICM"),
        (b"\0" * 128 + b"DICM", "has no pixels, or is cut off"),
        (b"\0" * 128 + b"DICM" + b"\x02\0\x10\0UI\xff\xff1", ""),
    ],
)
def test_a_file_that_only_has_the_suffix(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "a.DCM").write_bytes(data)
    broken = inspect_file(tmp_path / "a.DCM").broken
    assert broken.startswith(words) and broken


def test_a_large_file_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSBENCH_MAX_MEGABYTES", "1")
    with (tmp_path / "a.dcm").open("wb") as file:
        file.truncate(3_000_000)
    assert inspect_file(tmp_path / "a.dcm").broken.startswith("holds 3 MB, and at most 1 MB are read")


def test_any_noise_in_a_file_is_read_or_refused() -> None:
    """Flipped bytes anywhere: no other error than the one, and never a word of the patient's."""
    data = content(dataset(*CASES["window"][:1], **CASES["window"][1]))
    random = np.random.default_rng(0)
    for _ in range(150):
        noisy = bytearray(data)
        for place in random.integers(128, 700, size=3):
            noisy[place] = random.integers(0, 256)
        try:
            assert dicom.read(bytes(noisy))[1].dtype == np.uint8
        except dicom.DicomError as error:
            assert not any(secret in str(error) for secret in SECRETS)


def test_no_element_is_read_but_those_of_the_pixels() -> None:
    data = content(dataset(*CASES["table"][:1], **CASES["table"][1]))
    assert {element.keyword for element in dicom._parsed(data)} <= set(dicom.ELEMENTS)
    assert {element.keyword for element in pydicom.dcmread(io.BytesIO(data))} - set(dicom.ELEMENTS)


def test_the_common_reader_reads_and_remembers(tmp_path: Path) -> None:
    pixels = values(8, "uint8")
    for name in ("a.dcm", "b.DICOM", "without"):
        (tmp_path / name).write_bytes(content(dataset(pixels, PixelSpacing=[0.139, 0.14])))
    memory = tmp_path / "memory.json"
    paths = sorted(path for path in tmp_path.iterdir())
    for facts in (inspect_files(paths, memory, Silent()), inspect_files(paths, memory, Silent())):
        for fact in facts.values():
            assert (fact.width, fact.height, fact.mode, fact.broken) == (60, 50, "DICOM", "")
            assert fact.spacing == "0.139 x 0.14 mm"
    for path in paths:
        assert (read_radiograph(path, 50, 60) == pixels).all()
    expected = np.asarray(Image.fromarray(pixels).resize((30, 20), Image.Resampling.BILINEAR))
    assert (read_radiograph(paths[0], 20, 30) == expected).all()
    paths[0].write_bytes(paths[0].read_bytes()[:900])
    with pytest.raises(WsbenchError, match=r"a\.dcm: cannot be decoded: is damaged"):
        read_radiograph(paths[0], 20, 30)


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"ImagerPixelSpacing": [0.2, 0.2]}, "0.2 x 0.2 mm at the detector"),
        ({"PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.2, 0.2]}, "0.1 x 0.1 mm"),
        ({"PixelSpacing": [0, 0]}, ""),
        ({}, ""),
    ],
)
def test_spacing(elements: dict[str, Any], words: str) -> None:
    assert dicom.read(content(dataset(values(8, "uint8"), **elements)))[0].spacing == words


def test_without_pydicom_a_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.dcm").write_bytes(content(dataset(values(8, "uint8"))))
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(WsbenchError, match=r"a DICOM file needs `pip install 'wsbench\[dicom\]'`"):
        inspect_file(tmp_path / "a.dcm")


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of DICOM files with COCO files, its entry, and a cache of its own."""
    monkeypatch.setenv("WSBENCH_CACHE", str(tmp_path / "cache"))
    root, seed = tmp_path / "films", 0
    (root / "images").mkdir(parents=True)
    for split, count in (("train", 30), ("test", 12)):
        names = [f"{split}{number:02d}.dcm" for number in range(count)]
        for name in names:
            pixels = np.random.default_rng(seed).integers(0, 4096, (50, 60)).astype(np.uint16)
            elements = {"BitsStored": 12, "PixelSpacing": [0.139, 0.139]}
            (root / "images" / name).write_bytes(content(dataset(pixels, **elements)))
            seed += 1
        write_json(root / f"{split}.json", coco(names))
    entry(COCO, tmp_path)
    return root


def test_a_folder_of_dicom_files_is_scored_and_nobody_is_named(films: Path, command, tmp_path: Path) -> None:
    code, out, _ = command("data", "check", "films", "--json", "found.json")
    assert code == 0 and "nothing is wrong" in out
    code, out, err = command("run", "-m", "centre_box", "-d", "films", "--no-references")
    assert code == 0, err
    (films / "images" / "train00.dcm").write_bytes((films / "images" / "train00.dcm").read_bytes()[:-9])
    line = refused(command("run", "-m", "centre_box", "-d", "films", "--no-references"))
    assert "images/train00.dcm: is damaged: pixels are missing" in line
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".dcm"]
    assert any(path.name == "record.json" for path in written)
    assert any(path.suffix == ".npy" for path in written)
    for text in [out.encode(), err.encode(), line.encode(), *(path.read_bytes() for path in written)]:
        assert not any(secret.encode() in text for secret in SECRETS)


def test_samples_have_spacing_and_boxes_and_nothing_of_the_patient(films: Path) -> None:
    from wsbench.contract import plugins
    from wsbench.data.kinds import with_own_datasets
    from wsbench.runs.plan import load_dataset

    loaded = load_dataset(with_own_datasets(plugins.find()), "films", {}, Silent())
    for sample in loaded.samples:
        assert sample.attributes == {"pixel_spacing": "0.139 x 0.139 mm"}
        assert (sample.width, sample.height) == (60, 50)
        number = int(sample.name[-6:-4])
        expected = [(x, y, x + w, y + h) for _, x, y, w, h in boxes_of(number)]
        assert [(box.x0, box.y0, box.x1, box.y1) for box in sample.boxes] == expected
        assert not any(secret in repr(sample) for secret in SECRETS)
    assert json.dumps(loaded.describe())  # as records hold it
