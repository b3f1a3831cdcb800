"""Writes the archives of archives.test.ts with Python's own zipfile and tarfile into a directory."""
import io, os, stat, sys, tarfile, zipfile

out = sys.argv[1]


def zipped(name, *entries, **options):
    with zipfile.ZipFile(os.path.join(out, name), "w", zipfile.ZIP_DEFLATED) as archive:
        for path, mode, data in entries:
            info = zipfile.ZipInfo(path)
            info.create_system = 3
            info.compress_type = options.get("compress", zipfile.ZIP_DEFLATED)
            info.external_attr = mode << 16
            archive.writestr(info, data)


def tarred(name, *entries, suffix="gz", form=tarfile.PAX_FORMAT):
    with tarfile.open(os.path.join(out, name), f"w:{suffix}", format=form) as archive:
        for path, kind, data in entries:
            info = tarfile.TarInfo(path)
            info.type, info.mode = kind, 0o644
            if kind == tarfile.REGTYPE:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
            else:
                info.linkname = data
                archive.addfile(info)


FILE, LINK, FIFO = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFIFO | 0o644
R, S, H = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE

zipped("zip-up", ("../a", FILE, b"x"))
zipped("zip-inner-up", ("a/../../b", FILE, b"x"))
zipped("zip-absolute", ("/etc/cron.d/x", FILE, b"x"))
zipped("zip-drive", ("C:/x", FILE, b"x"))
zipped("zip-backslash", ("a\\b", FILE, b"x"))
zipped("zip-newline", ("a\nb", FILE, b"x"))
zipped("zip-twice", ("a", FILE, b"x"), ("a", FILE, b"y"))
zipped("zip-case", ("lib/a", FILE, b"x"), ("Lib/b", FILE, b"y"))
zipped("zip-unicode", ("\u00e9", FILE, b"x"), ("e\u0301", FILE, b"y"))
zipped("zip-file-as-directory", ("a", FILE, b"x"), ("a/b", FILE, b"y"))
zipped("zip-fifo", ("a", FIFO, b""))
zipped("zip-link-out", ("a", LINK, b"../../etc/passwd"))
zipped("zip-link-absolute", ("a", LINK, b"/etc/passwd"))
zipped("zip-link-nowhere", ("a", LINK, b"b"))
zipped("zip-link-through-link", ("d/f", FILE, b"x"), ("l", LINK, b"d"), ("m", LINK, b"l/f"))
zipped("zip-below-link", ("d/f", FILE, b"x"), ("l", LINK, b"d"), ("l/g", FILE, b"y"))
zipped("zip-link-to-itself", ("a", LINK, b"a"))
zipped("zip-bomb", *[(f"{n}", FILE, b"\0" * (8 << 20)) for n in range(9)])
zipped("zip-many", *[(f"{n}", FILE, b"") for n in range(10001)], compress=zipfile.ZIP_STORED)
zipped("zip-long", ("a" * 256, FILE, b"x"))
zipped("zip-top", ("top/manifest.yaml", FILE, b"x"), ("top/run", stat.S_IFREG | 0o755, b"y"))
zipped("zip-two-tops", ("a/x", FILE, b"x"), ("b/x", FILE, b"x"))
zipped("zip-lzma", ("a", FILE, b"x" * 100), compress=zipfile.ZIP_LZMA)
zipped("zip-link", ("bin/run", FILE, b"x"), ("run", LINK, b"bin/run"))

tarred("tar-up", ("../a", R, b"x"))
tarred("tar-absolute", ("/a", R, b"x"))
tarred("tar-link-out", ("d/a", S, "../../x"))
tarred("tar-hard-link-out", ("a", H, "/etc/passwd"))
tarred("tar-device", ("a", tarfile.CHRTYPE, ""))
tarred("tar-fifo", ("a", tarfile.FIFOTYPE, ""))
tarred("tar-case", ("A", R, b"x"), ("a", R, b"y"))
tarred("tar-bomb", *[(f"{n}", R, b"\0" * (8 << 20)) for n in range(9)])
tarred("tar-many", *[(f"{n}", R, b"") for n in range(10001)])
tarred("tar-hard-link", ("./a", R, b"x"), ("./b", H, "./a"))
tarred("tar-gnu", ("top/" + "n" * 200, R, b"x"), form=tarfile.GNU_FORMAT)
tarred("tar-bz2", ("a", R, b"x"), suffix="bz2")
tarred("tar-plain", ("a", R, b"x"), suffix="")

with open(os.path.join(out, "tar-cut"), "wb") as cut:
    with open(os.path.join(out, "tar-hard-link"), "rb") as whole:
        cut.write(whole.read()[:-20])
with open(os.path.join(out, "zip-cut"), "wb") as cut:
    with open(os.path.join(out, "zip-top"), "rb") as whole:
        cut.write(whole.read()[:-30])
