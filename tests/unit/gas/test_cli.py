"""The command line: what it writes, what it says, and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gas import cli
from gas.annotation import engine
from gas.annotation.reference import Bundle

DATA = Path(__file__).parents[2] / "data" / "synthetic"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("bundles") / "synthetic"
    sources = ["--fasta", str(DATA / "ref.fa"), "--gff3", str(DATA / "genes.gff3")]
    assert cli.run(["reference", "build", "--name", "synthetic", "--assembly", "x", *sources, "--out", str(out)]) == 0
    return out


def annotate(given: Path, bundle: Path | str, out: Path, *options: object) -> int:
    return cli.run(["annotate", str(given), "--bundle", str(bundle), "-o", str(out), *map(str, options)])


def test_annotates_and_counts(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    receipt = tmp_path / "receipt.json"
    assert annotate(DATA / "input.vcf.gz", bundle, tmp_path / "out.vcf.gz", "--receipt", receipt) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("6,000 records read: ")
    assert "REF differs from the reference" in said.err
    records = json.loads(receipt.read_text())["records"]
    assert records["read"] == 6000 == records["annotated"] + sum(records["rejected"].values())
    assert (tmp_path / "out.vcf.gz.tbi").exists()


def test_a_bundle_by_name(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAS_BUNDLES_DIR", str(bundle.parent))
    assert annotate(DATA / "input.vcf.gz", "synthetic", tmp_path / "out.vcf.gz") == 0


def test_a_refused_input_is_one_sentence(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = tmp_path / "x.vcf"
    given.write_bytes(b"PK\x03\x04 not a VCF")
    assert annotate(given, bundle, tmp_path / "out.vcf.gz") == 2
    assert capsys.readouterr().err == (
        "The file is a zip archive (or an office document); unpack it and upload the VCF inside it.\n"
    )


def test_no_file_name_means_anything(bundle: Path, tmp_path: Path) -> None:
    tricks = (
        *(
            "a b.vcf",
            "-rf.vcf",
            "a;rm -rf x.vcf",
            "$(id).vcf",
            "x\n.vcf",
            "\u00e9.vcf",
            "e\u0301.vcf",
            ".vcf",
            "CON.vcf",
        ),
        *("a~b.vcf", "x" * 200 + ".vcf", "x.vcf.gz.vcf", "x.VCF.GZ", "nosuffix", "<img src=x>.vcf", "\u200f.vcf"),
        *("%2e%2e%2f.vcf", "a##idx##b.vcf", "http:.vcf", "s3:x.vcf", os.fsdecode(b"\xff.vcf")),
    )
    for number, name in enumerate(tricks):
        folder = tmp_path / str(number)
        folder.mkdir()
        given = folder / name
        given.write_text(
            "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nsyn1\t1\t.\tN\tA\t.\t.\t.\n"
        )
        out = folder / f"{name}.out"
        assert annotate(given, bundle, out, "--receipt", folder / "receipt", "--log", folder / "log") == 0, name
        assert json.loads((folder / "receipt").read_text())["input"]["name"] == name
        log = (folder / "log").read_text().splitlines()
        assert log[2].startswith("Input ")
        assert log[3].startswith("  sha256 ")
        assert {path.name for path in folder.iterdir()} == {name, f"{name}.out", f"{name}.out.tbi", "receipt", "log"}


def test_a_full_disk_is_told_as_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gas.annotation.reference.load", full)
    assert cli.run(["annotate", "x.vcf", "--bundle", "b", "-o", "y"]) == 1
    assert capsys.readouterr().err == "No space left on device.\n"


def test_the_input_is_not_written_over(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = tmp_path / "x.vcf"
    given.write_bytes(b"##fileformat=VCFv4.2\n")
    assert annotate(given, bundle, given) == 1
    assert "is the input: the result needs another name" in capsys.readouterr().err
    assert given.read_bytes() == b"##fileformat=VCFv4.2\n"


def test_a_missing_input_is_refused(bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert annotate(tmp_path / "nothing.vcf", bundle, tmp_path / "out.vcf.gz") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_bundle_that_is_not_there_is_our_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert annotate(DATA / "input.vcf.gz", tmp_path / "none", tmp_path / "out.vcf.gz") == 1
    assert capsys.readouterr().err.startswith("There is no reference bundle at ")


def test_a_folder_that_is_not_there_is_our_fault(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert annotate(DATA / "input.vcf.gz", bundle, tmp_path / "none" / "out.vcf.gz") == 1
    said = capsys.readouterr().err
    assert "No such file or directory" in said
    assert said.count("\n") == 1


def test_a_fault_has_no_traceback_unless_asked_for(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(bundle: Bundle) -> None:
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(engine, "_own_lines", broken)
    assert annotate(DATA / "input.vcf.gz", bundle, tmp_path / "out.vcf.gz") == 1
    said = capsys.readouterr().err
    assert said == (
        "This is a fault of GAS, not of your file (ZeroDivisionError: by nothing); --debug shows where it is.\n"
    )
    with pytest.raises(ZeroDivisionError):
        annotate(DATA / "input.vcf.gz", bundle, tmp_path / "out.vcf.gz", "--debug")


@pytest.mark.parametrize(
    "arguments",
    [
        ["annotate"],
        ["annotate", "x", "--bundle", "b", "-o", "o", "--workers", "0"],
        ["nonsense"],
        ["reference", "build"],
    ],
)
def test_wrong_usage_is_not_a_refused_input(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(arguments) == 1
    assert "Error: " in capsys.readouterr().err


@pytest.mark.parametrize("overlay", ["nothing", "N=file.vcf", "1N=f.vcf:AF"])
def test_wrong_overlays_are_told_before_anything_is_built(
    tmp_path: Path, overlay: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = ["--fasta", str(DATA / "ref.fa"), "--gff3", str(DATA / "genes.gff3")]
    out = tmp_path / "b"
    build = ["reference", "build", "--name", "b", "--assembly", "x", *sources]
    assert cli.run([*build, "--overlay", overlay, "--out", str(out)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not out.exists()


def test_origins_are_noted_in_the_manifest(tmp_path: Path) -> None:
    origins, out = tmp_path / "origins.json", tmp_path / "b"
    origins.write_text('{"ref.fa": {"version": "7", "licence": "none", "url": "https://example.org/ref.fa"}}')
    sources = ["--fasta", str(DATA / "ref.fa"), "--gff3", str(DATA / "genes.gff3"), "--origins", str(origins)]
    assert cli.run(["reference", "build", "--name", "b", "--assembly", "x", *sources, "--out", str(out)]) == 0
    noted = json.loads((out / "manifest.json").read_text("utf-8"))["sources"][0]
    assert (noted["version"], noted["licence"], noted["url"]) == ("7", "none", "https://example.org/ref.fa")


@pytest.mark.parametrize(
    ("text", "about"), [("{", "is not JSON"), ("[]", "maps no file names"), ('{"a": 1}', "maps no")]
)
def test_wrong_origins_are_told(tmp_path: Path, text: str, about: str, capsys: pytest.CaptureFixture[str]) -> None:
    origins = tmp_path / "origins.json"
    origins.write_text(text)
    sources = ["--fasta", str(DATA / "ref.fa"), "--gff3", str(DATA / "genes.gff3"), "--origins", str(origins)]
    build = ["reference", "build", "--name", "b", "--assembly", "x", *sources]
    assert cli.run([*build, "--out", str(tmp_path / "b")]) == 1
    assert about in capsys.readouterr().err


@pytest.mark.parametrize("command", [["--help"], ["annotate", "--help"], ["reference", "build", "-h"], ["--version"]])
def test_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(command) == 0
    assert capsys.readouterr().out


def test_as_a_process_without_what_only_tables_need(bundle: Path, tmp_path: Path) -> None:
    """pyarrow takes longer to import than a small file takes to annotate."""
    code = (
        "import sys; from gas.cli import run; "
        f"code = run(['annotate', {str(DATA / 'input.vcf.gz')!r}, '--bundle', {str(bundle)!r}, "
        f"'-o', {str(tmp_path / 'out.vcf.gz')!r}]); "
        "sys.exit(code or sum(name.split('.')[0] in ('pyarrow', 'boto3', 'botocore') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_main_ends_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["--version"])
    assert end.value.code == 0
    assert "gas" in capsys.readouterr().out
