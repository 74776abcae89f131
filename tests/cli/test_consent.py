"""Consent from the command line: asking and signing with two hands, every refusal with its exit code, rule and remedy, the log and
its proofs. `import` of a clip that is not there stands for any use of a likeness: it asks for the grant first, so exit 3 is a
refusal and exit 6 means that the grant was given."""
import datetime
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time

import drive
from drive import at, check, command, likeness, must, refusals

DAY = 86400
STATEMENT = "my face in the short film Dawn"


def person(project, name, *terms):
    """Somebody new who agrees at once; the record's number."""
    must("subject", "add", name, "-p", project)
    return must("consent", "grant", name, "-u", "face-source", "-s", STATEMENT, *terms, "-p", project).out.split()[2]


def use(name, project, run=likeness, role="source"):
    return run("import", "absent.mp4", "-s", name, "-a", role, "-p", project)


def granted(name, project, run=likeness):
    r = use(name, project, run)
    check(r.code == 6 and "absent.mp4" in r.err, "not granted:", r)


def refused(name, project, rule, remedy, run=likeness, role="source", logged=True):
    before = refusals(project, rule) if logged else 0
    r = use(name, project, run, role)
    check(r.code == 3 and f"(rule: {rule})" in r.err and remedy in r.err, f"wanted {rule} and '{remedy}':", r)
    if logged:
        check(refusals(project, rule) == before + 1, f"{rule} is not in the log")


def change(project, sql):
    db = sqlite3.connect(f"{project}/registry.db")
    db.execute(sql)
    db.commit()
    db.close()


def who_and_what():
    person("p", "ann")
    granted("ann", "p")
    refused("ann", "p", "purpose", "ask ann", role="target")
    must("subject", "add", "eve", "-p", "p")
    refused("eve", "p", "absent", "likeness consent grant")
    refused("nobody", "p", "person", "likeness subject add")
    r = likeness("consent", "grant", "eve", "-p", "p")
    check(r.code == 2 and "--statement" in r.err, r)
    r = likeness("consent", "grant", "eve", "-s", "x", "-u", "dance", "-p", "p")
    check(r.code == 2 and "dance" in r.err, r)


def terms_end():
    now = time.time()
    must("subject", "add", "una", "-p", "term")
    at(now, "consent", "grant", "una", "-u", "face-source", "-s", STATEMENT, "--days", 30, "-p", "term")
    granted("una", "term", lambda *a: at(now + 29 * DAY, *a))
    refused("una", "term", "term", "sign a new one", lambda *a: at(now + 31 * DAY, *a), logged=False)
    # the log has seen that day: the clock set back to when the record was good is no way around
    refused("una", "term", "clock", "set the clock right", lambda *a: at(now + DAY, *a), logged=False)
    r = at(now + 31 * DAY, "consent", "log", "-p", "term")
    check("the term is over" in r.out and "the clock was set back" in r.out, r)


def revoked():
    record = person("revoked", "rob")
    granted("rob", "revoked")
    must("consent", "revoke", record, "--reason", "no more", "-p", "revoked")
    refused("rob", "revoked", "revoked", "agrees anew")
    check("no more" in must("consent", "log", "-p", "revoked").out)
    r = likeness("consent", "amend", record, "--days", 10, "-p", "revoked")
    check(r.code == 3 and "(rule: revoked)" in r.err, r)


def others():
    person("others", "greta", "--grantees", "Far Studio=" + "ab" * 32)
    refused("greta", "others", "grantee", "grant it to this one")
    person("others", "paul", "--for", "another film")
    refused("paul", "others", "project", "agree to this project")
    r = likeness("consent", "grant", "paul", "-s", "x", "--grantees", "nonsense", "-p", "others")
    check(r.code == 2 and "NAME=KEY" in r.err, r)


def minors():
    now = datetime.datetime.now(datetime.timezone.utc)
    born = f"{now.year - 15}-{now.month:02d}-01"
    eighteen = datetime.datetime(now.year + 3, now.month, 1, tzinfo=datetime.timezone.utc).timestamp()
    must("subject", "add", "mia", "-p", "minor")
    grant = ["consent", "grant", "mia", "-u", "face-source", "-s", STATEMENT, "--days", 3650, "-p", "minor"]
    r = likeness(*grant, "--born", born)
    check(r.code == 3 and "(rule: guardian)" in r.err and "--guardian" in r.err, r)
    r = likeness(*grant, "--age", "minor", "--born", born)
    check(r.code == 3 and "(rule: guardian)" in r.err, r)
    r = likeness(*grant, "--age", "minor", "--guardians", "Gil Guardian")
    check(r.code == 3 and "--born" in r.err, r)
    must(*grant, "--age", "minor", "--born", born, "--guardians", "Gil Guardian")
    granted("mia", "minor", lambda *a: at(eighteen - 60, *a))
    refused("mia", "minor", "age", "who decides alone now", lambda *a: at(eighteen + 60, *a), logged=False)
    must("subject", "add", "dee", "-p", "minor")


def tampered():
    person("tampered", "tess")
    for sql in ("UPDATE version SET body = CAST(replace(CAST(body AS TEXT), 'face-source', 'face-target') AS BLOB)",
                "UPDATE version SET subject_sig = zeroblob(64)", "UPDATE version SET studio_sig = zeroblob(64)"):
        shutil.copy("tampered/registry.db", "kept.db")
        change("tampered", sql)
        refused("tess", "tampered", "tampered", "restore", role="target" if "replace" in sql else "source", logged=False)
        for end in ("", "-wal", "-shm"):
            if os.path.exists("tampered/registry.db" + end):
                os.unlink("tampered/registry.db" + end)
        shutil.copy("kept.db", "tampered/registry.db")
        with open("tampered/keys/audit.tip") as f:
            tip = int(f.read().split()[4])
        check(tip > 0, tip)
        r = use("tess", "tampered")  # the log that was put back lacks the refusal: that is seen too
        check(r.code == 3 and "removed" in r.err, r)
        shutil.rmtree("tampered")
        person("tampered", "tess")


def copied():
    record = person("first", "cora")
    shutil.copytree("first", "second")
    granted("cora", "first")
    refused("cora", "second", "copy", "likeness consent moved")
    must("consent", "revoke", record, "-p", "first")
    refused("cora", "first", "revoked", "agrees anew")
    must("consent", "moved", "-p", "second")
    granted("cora", "second")  # said to be the only one: a lie that the log of the second keeps
    check("live here from now on" in must("consent", "log", "-p", "second").out)
    must("consent", "checkpoint", "-o", "first.note", "-p", "first")
    r = likeness("consent", "checkpoint", "--since", "first.note", "-p", "second")
    check(r.code == 6 and "went its own way" in r.err, "the fork shows:", r)


def two_hands():
    must("subject", "add", "Ada", "-p", "hands")
    key = re.search(r"[0-9a-f]{64}", must("consent", "key", "ada.key").out)[0]
    check(os.stat("ada.key").st_mode & 0o777 == 0o600, "others may read the key")
    check(key in must("consent", "key", "ada.key").out, "the key changed")
    ask = ["consent", "request", "Ada", "-u", "face-source", "-s", STATEMENT, "--legal-name", "Ada A. Actor", "--born", "1990-02-03",
           "--quota", 5, "--forbid", "advertising; alcohol", "-o", "ada.request", "-p", "hands"]
    r = must(*ask)
    record = re.search(r"[0-9a-f-]{36}", r.out)[0]
    check("sign ada.request" in r.out, r)
    refused("Ada", "hands", "absent", "grant")
    r = subprocess.run(command(["consent", "sign", "ada.request", "--key", "ada.key"]), capture_output=True, text=True,
                       stdin=subprocess.DEVNULL)
    check(r.returncode == 2 and "--yes" in r.stderr and STATEMENT in r.stdout, r)
    check(not os.path.exists("ada.request.signed"), "signed without a yes")
    r = must("consent", "sign", "ada.request", "--key", "ada.key", "--yes")
    for words in ("Ada A. Actor", "1990-02-03", STATEMENT, "At most 5", "alcohol", "sexual", "withdraw", "the person alone holds"):
        check(words in r.out, "the page lacks", words, r)
    with open("ada.request.signed", "rb") as f:
        data = f.read()
    check(b"Ada A. Actor" not in data and b"1990" not in data, "who she is leaves her machine")
    with open("bent.signed", "wb") as f:
        f.write(data.replace(b"face-source", b"face-target"))
    r = likeness("consent", "accept", "bent.signed", "-p", "hands")
    check(r.code == 6 and "changed" in r.err, r)
    r = must("consent", "accept", "ada.request.signed", "-p", "hands")
    check("Ada agreed to record " + record in r.out, r)
    granted("Ada", "hands")
    r = likeness("consent", "grant", "Ada", "-s", "more", "-p", "hands")
    check(r.code == 3 and "consent request" in r.err, r)
    must("consent", "show", record, "--text", "page.txt", "-p", "hands")
    with open("page.txt") as f:
        page = f.read()
    check("Consent id " in page and "valid" in page and len(page.splitlines()) <= 66, page)
    shown = json.loads(must("consent", "show", record, "--json", "-p", "hands").out)
    check(shown["subject_key"] == key and shown["key_holder"] == "subject" and shown["quota"] == 5 and
          "alcohol" in shown["forbidden"] and "sexual" in shown["forbidden"], shown)
    listed = [json.loads(line) for line in must("consent", "list", "--json", "-p", "hands").out.splitlines()]
    check(len(listed) == 1 and listed[0]["record"] == record and listed[0]["state"] == "valid", listed)
    must("consent", "amend", record, "--quota", 9, "-o", "ada.amend", "-p", "hands")
    must("consent", "sign", "ada.amend", "--key", "ada.key", "--yes", "-o", "ada.amended")
    check("version 2" in must("consent", "accept", "ada.amended", "-p", "hands").out)
    amended = json.loads(must("consent", "show", record, "--json", "-p", "hands").out)
    check(amended["quota"] == 9 and amended["version"] == 2 and amended["previous"] == shown["consent"], amended)
    must("consent", "key", "thief.key")
    r = likeness("consent", "withdraw", "ada.amended", "--key", "thief.key", "-o", "no.more")
    check(r.code == 3 and not os.path.exists("no.more"), r)
    must("consent", "withdraw", "ada.amended", "--key", "ada.key", "--reason", "another film", "-o", "no.more")
    check("withdrew" in must("consent", "accept", "no.more", "-p", "hands").out)
    refused("Ada", "hands", "revoked", "agrees anew")
    check("revoked by the subject: another film" in must("consent", "log", "-p", "hands").out)


def proofs():
    record = person("proofs", "pia")
    granted("pia", "proofs")
    r = must("consent", "log", "-p", "proofs")
    check("pia agreed" in r.out and "was granted" in r.out, r)
    must("consent", "prove", record, "-o", "proof.json", "-p", "proofs")
    r = must("consent", "check", "proof.json")
    check("the proof holds" in r.out and record in r.out and "pia" not in r.out, r)
    studio = re.search(r"[0-9a-f]{64}", r.out)[0]
    check("as you said" in must("consent", "check", "proof.json", "--key", studio).out)
    r = likeness("consent", "check", "proof.json", "--key", "00" * 32)
    check(r.code == 6 and "another studio" in r.err, r)
    with open("proof.json") as f:
        text = f.read()
    for old, new in ((record[:8], "00000000"), ('"kind":"consent"', '"kind":"revoked"'), ('"seq":', '"seq":1')):
        check(old in text, old)
        with open("bent.json", "w") as f:
            f.write(text.replace(old, new))
        r = likeness("consent", "check", "bent.json")
        check(r.code == 6 and "bent.json" in r.err, old, r)
    must("consent", "checkpoint", "-o", "may.note", "-p", "proofs")
    granted("pia", "proofs")
    must("consent", "checkpoint", "--since", "may.note", "-o", "june.note", "-p", "proofs")
    check("nothing was changed" in must("consent", "check", "may.note", "june.note", "--key", studio).out)
    r = likeness("consent", "check", "june.note", "may.note")
    check(r.code == 2, r)
    union = re.search(r"[0-9a-f]{64}", must("consent", "key", "union.key").out)[0]
    sign = ["--key", "union.key", "--name", "union.example"]
    must("consent", "witness", "may.note", *sign, "-o", "may.seen")
    must("consent", "witness", "june.note", *sign, "-o", "june.seen")
    check("the witness saw it" in must("consent", "check", "may.seen", "june.seen", "--witness", union).out)
    r = likeness("consent", "check", "june.note", "--witness", union)
    check(r.code == 6 and "did not sign" in r.err, r)
    # a head that does not follow from what the witness signed before
    r = likeness("consent", "witness", "may.note", *sign)
    check(r.code == 2, "the witness goes back:", r)
    must("consent", "checkpoint", "-o", "july.note", "-p", "proofs")
    r = likeness("consent", "witness", "july.note", *sign, "-o", "july.seen")
    check(r.code in (0, 2), r)
    granted("pia", "proofs")
    must("consent", "checkpoint", "-o", "august.note", "-p", "proofs")
    r = likeness("consent", "witness", "august.note", *sign)
    check(r.code == 2 and "--since" in r.err, "signed without a proof:", r)


if __name__ == "__main__":
    sys.exit(drive.main([who_and_what, terms_end, revoked, others, minors, tampered, copied, two_hands, proofs]))
