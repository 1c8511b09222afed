"""`tapehouse export`: one version of a table of gold as Parquet files with a manifest, for any reader's COPY."""

import argparse
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.warehouse.lake_version import LakeVersion

ADDRESS = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<prefix>.+?)/?")
MANIFEST = "manifest.json"
PART = re.compile(r"part-(?P<attempt>\w+)-\d+\.parquet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--table", required=True, metavar="TABLE", help="such as gold.bars_1d")
    parser.add_argument("--version", type=int, metavar="N", help="of the lake's table (default: the newest)")
    parser.add_argument(
        "--to", required=True, metavar="S3-URL", help="where nothing else lies: s3://processed/export/bars_1d"
    )
    parser.add_argument("--json", action="store_true", help="the manifest as JSON")


def run(args: argparse.Namespace) -> int:
    """Write the live rows of the version, the manifest last; done again it does nothing."""
    from jobs.warehouse.attempts import new_attempt
    from jobs.warehouse.connect import table_of
    from jobs.warehouse.lake_version import LakeVersion
    from tapehouse.context import use_running_environment
    from tapehouse.vendors import s3_client

    bucket, prefix = _place(args.to)
    table = table_of(args.table)
    settings = use_running_environment()
    client = s3_client(settings)
    attempt = new_attempt()
    folder = settings.warehouse_folder / "scratch" / attempt
    with LakeVersion(settings, table, folder=folder, version=args.version) as lake:
        there = _there(client, bucket, prefix)
        manifest = _refuse_another(client, bucket, prefix, lake) if MANIFEST in there else None
        is_new = manifest is None
        if manifest is None:
            _remove(client, bucket, prefix, there, args.to)
            manifest, is_new = _write(client, bucket, prefix, lake, attempt)
    if args.json:
        print(json.dumps(manifest, indent=1))
    else:
        files, rows = len(manifest["files"]), manifest["rows"]
        how = "written" if is_new else "there already"
        print(
            f"{args.table} version {manifest['version']}: {rows:,} rows in {files} files at {args.to}, {how}"
        )
    return 0


def _place(address: str) -> tuple[str, str]:
    from jobs.lake.errors import UsageError

    found = ADDRESS.fullmatch(address)
    if not found:
        raise UsageError("--to is no place in the S3 store", found=address, remedy="write s3://BUCKET/FOLDER")
    return found["bucket"], found["prefix"]


def _there(client: Any, bucket: str, prefix: str) -> set[str]:
    """Names of the objects below the prefix."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return {key.removeprefix(f"{prefix}/") for key in keys}


def _refuse_another(client: Any, bucket: str, prefix: str, lake: "LakeVersion") -> dict[str, Any]:
    """The manifest that is there, which must be this version's."""
    from jobs.lake.errors import UsageError

    manifest = json.loads(client.get_object(Bucket=bucket, Key=f"{prefix}/{MANIFEST}")["Body"].read())
    if (manifest.get("delta_id"), manifest.get("version")) != (lake.delta_id, lake.version):
        raise UsageError(
            "another export lies there, and none is written over",
            found=f"{manifest.get('table')} version {manifest.get('version')}",
            remedy="choose an empty place, such as one that ends in the version",
        )
    return dict(manifest)


def _remove(client: Any, bucket: str, prefix: str, there: set[str], address: str) -> None:
    """Remove what an export that died has left: files without a manifest, a day old."""
    from jobs.lake.errors import UsageError
    from jobs.warehouse.attempts import is_left

    parts = {name: PART.fullmatch(name) for name in sorted(there)}
    others = [name for name, part in parts.items() if part is None or not is_left(part["attempt"])]
    if others:
        raise UsageError(
            f"{address} is not empty",
            found=f"{', '.join(others[:3])}: of another export that is at work or has died, or of none",
            remedy="choose an empty place",
        )
    for name in there:
        client.delete_object(Bucket=bucket, Key=f"{prefix}/{name}")


def _write(
    client: Any, bucket: str, prefix: str, lake: "LakeVersion", attempt: str
) -> tuple[dict[str, Any], bool]:
    """The manifest, and whether it is ours: of two exports at once the second removes its own files again."""
    from botocore.exceptions import ClientError

    from jobs.warehouse import checksum

    parts, sums = lake.write_plain(), lake.sums()
    files = []
    for number, file in enumerate(parts.files):
        name = f"part-{attempt}-{number:05d}.parquet"
        client.upload_file(str(file), bucket, f"{prefix}/{name}")
        files.append({"name": name, "bytes": file.stat().st_size, "sha256": _sha256(file)})
    manifest = {
        "table": lake.table.name,
        "version": lake.version,
        "delta_id": lake.delta_id,
        "rows": parts.rows,
        "columns": lake.shape.typed(),
        "checksum_version": checksum.VERSION,
        "checksums": sums.checksums,
        "files": files,
    }
    body = json.dumps(manifest, indent=1).encode()
    try:
        client.put_object(Bucket=bucket, Key=f"{prefix}/{MANIFEST}", Body=body, IfNoneMatch="*")
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (409, 412):
            raise
        for ours in files:
            client.delete_object(Bucket=bucket, Key=f"{prefix}/{ours['name']}")
        return _refuse_another(client, bucket, prefix, lake), False
    return manifest, True


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
