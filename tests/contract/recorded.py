"""Picks answers that GitHub once gave out of PyGithub's source distribution, which ships them as the fixtures of its own
tests. Usage: recorded.py PyGithub.tar.gz OUT.json

A record there is ten lines (scheme, method, host, port, path, request headers, request body, status, response headers,
response body) and an empty one; the headers are Python literals. Out comes a list of objects: file, method, path,
status, headers, body.
"""

import ast
import json
import re
import sys
import tarfile

RECORD = 10

# The routes that the driver uses.
ROUTES = re.compile(
    r"/repos/[^/]+/[^/]+/"
    r"(commits/[^/]+/(check-runs|pulls)|pulls/\d+|actions/runs(/\d+/jobs)?|git/ref/.+)"
    r"|/app/installations/\d+/access_tokens"
)

# Refusals of other routes, which have the form of every route's refusal.
REFUSALS = {
    "Exceptions.testNonJsonDataReturnedByGithub.txt",
    "Retry.testRaisesRetryErrorAfterMaxRetries.txt",
    "SpecificExceptions.testAuthenticatedRateLimitExceeded.txt",
    "SpecificExceptions.testBadCredentials.txt",
    "SpecificExceptions.testRateLimitExceeded.txt",
    "SpecificExceptions.testUnknownObject.txt",
}


def records(name, text):
    lines = text.split("\n")
    for start in range(0, len(lines) - RECORD + 1, RECORD + 1):
        _, method, _, _, path, _, _, status, headers, body = lines[start : start + RECORD]
        if not status.isdigit():
            return  # A body of several lines: a file that was uploaded, no answer of these routes.
        yield {
            "file": name,
            "method": method,
            "path": path,
            "status": int(status),
            "headers": ast.literal_eval(headers),
            "body": body,
        }


def wanted(record):
    route = ROUTES.fullmatch(record["path"].split("?")[0])
    if record["file"] in REFUSALS:
        return record["status"] >= 400
    return route and record["method"] in ("GET", "POST")


def main():
    source, out = sys.argv[1:]
    picked = []
    with tarfile.open(source) as archive:
        for member in archive:
            folder, _, name = member.name.rpartition("/")
            if folder.endswith("/tests/ReplayData") and name.endswith(".txt"):
                text = archive.extractfile(member).read().decode()
                picked += filter(wanted, records(name, text))
    with open(out, "w", encoding="utf-8") as file:
        json.dump(picked, file)
    print(f"{len(picked)} recorded answers")


main()
