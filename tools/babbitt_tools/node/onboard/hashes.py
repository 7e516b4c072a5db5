import hashlib
import json
import os


def hashed(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while True:
            count = file.readinto(room)
            if not count:
                break
            digest.update(room[:count])
    return "".join("%02x" % byte for byte in digest.digest())


def walk(folder):
    for entry in os.ilistdir(folder or "/"):
        path = folder + "/" + entry[0] if folder else entry[0]
        if entry[1] == 0x4000:
            if path not in skip:
                walk(path)
        else:
            found[path] = hashed(path)


room = memoryview(bytearray(1024))
found = {}
try:
    walk("")
except OSError as error:
    print(error)
stat = os.statvfs("/")
print(json.dumps({"files": found, "free": stat[0] * stat[3], "size": stat[0] * stat[2]}))
