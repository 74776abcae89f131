#!/usr/bin/env python3
"""Check every #include (and a few calls) against tools/layers.txt.

    check_layers.py ROOT         exit status 1 and one line for each violation
    check_layers.py --selftest   plant one violation of each kind; every one must be found

A room includes only rooms of a strictly lower level, foreign libraries stay in
their rooms, media/writer.h opens for mark/ alone, and cli/ sees the public
headers only.
"""
import os
import re
import sys
import tempfile

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]')
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


class Table:
    def __init__(self, path):
        self.rooms, self.foreign, self.gates, self.calls = {}, {}, {}, {}
        self.standard, self.beside = set(), set()
        with open(path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                words = line.split('#')[0].split()
                if not words:
                    continue
                if words[0] == 'standard':
                    self.standard.update(words[1:])
                elif words[0] == 'room' and len(words) == 3:
                    self.rooms[words[2]] = int(words[1])
                elif words[0] == 'beside' and len(words) == 3:
                    self.beside.add((words[1], words[2]))
                elif words[0] in ('foreign', 'gate', 'call') and len(words) == 3:
                    table = {'foreign': self.foreign, 'gate': self.gates, 'call': self.calls}[words[0]]
                    table.setdefault(words[1], []).append(words[2])
                else:
                    sys.exit(f'{path}:{number}: not understood: {line.strip()}')

        for one, other in self.beside:
            if self.rooms[one] != self.rooms[other] or (other, one) in self.beside:
                sys.exit(f'{path}: {one} and {other} may not stand beside each other')

    def room_of(self, path):
        """The room that a file belongs to: the longest folder of the table above it."""
        above = [r for r in self.rooms if path.startswith(r + '/')]
        return max(above, key=len) if above else None


def below(path, folder):
    return path.startswith(folder + '/')


def fits(header, pattern):
    return header == pattern or (pattern[-1] in '/*' and header.startswith(pattern.rstrip('*')))


def check_foreign(table, path, header):
    if header in table.standard:
        return None
    for pattern, folders in table.foreign.items():
        if fits(header, pattern):
            if any(below(path, f) for f in folders):
                return None
            return f'<{header}> belongs in {" and ".join(folders)} only'
    return f'<{header}> has no room in tools/layers.txt'


def check_own(table, root, path, header):
    """A quoted header: beside the file, in src/, in include/ or in cli/."""
    folder = os.path.dirname(path)
    beside = os.path.normpath(os.path.join(folder, header))
    if header.startswith('likeness/'):
        return None if os.path.exists(os.path.join(root, 'include', header)) else f'"{header}" is no public header'
    target = beside if os.path.exists(os.path.join(root, beside)) else os.path.normpath(os.path.join('src', header))
    if below(path, 'cli'):
        return None if below(target, 'cli') else f'cli/ may include "likeness/..." and its own headers, not "{header}"'
    if not os.path.exists(os.path.join(root, target)):
        return f'"{header}" was not found'
    here, there = table.room_of(path), table.room_of(target)
    if there is None:
        return f'"{header}" is in no room of tools/layers.txt'
    for gate, folders in table.gates.items():
        if target == 'src/' + gate and not any(below(path, f) for f in folders):
            return f'"{gate}" opens for {" and ".join(folders)} only'
    if here == there:
        return None
    sideways = (here, there) in table.beside
    if os.path.basename(target) == 'internal.h':
        return f'"{header}" is internal to {there}'
    if table.rooms[there] >= table.rooms[here] and not sideways:
        return (f'{here} (level {table.rooms[here]}) may not include {there} (level {table.rooms[there]}): '
                f'"{header}"')
    return None


def check_calls(table, path, text):
    if not below(path, 'src'):
        return
    # Comments and strings go, line ends stay, so that line numbers remain true.
    code = COMMENT_OR_STRING.sub(lambda m: '\n' * m.group().count('\n') or ' ', text)
    for name, folders in table.calls.items():
        if any(below(path, f) for f in folders):
            continue
        for m in re.finditer(r'(?<![\w.>])' + name + r'[ \t]*\(', code):
            yield code.count('\n', 0, m.start()) + 1, f'{name}() may not be called here'


def check_file(table, root, path):
    with open(os.path.join(root, path), encoding='utf-8') as f:
        text = f.read()
    if below(path, 'src') and table.room_of(path) is None:
        yield 1, 'this file is in no room of tools/layers.txt'
        return
    for number, line in enumerate(text.split('\n'), 1):
        m = INCLUDE.match(line)
        if m:
            kind, header = m.groups()
            bad = check_foreign(table, path, header) if kind == '<' else check_own(table, root, path, header)
            if bad:
                yield number, bad
    yield from check_calls(table, path, text)


def check_tree(root):
    table = Table(os.path.join(root, 'tools', 'layers.txt'))
    found, files = [], 0
    for top in ('src', 'cli', 'web'):
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(('.c', '.h', '.inc')):
                    path = os.path.relpath(os.path.join(folder, name), root)
                    files += 1
                    found += [f'{path}:{line}: {what}' for line, what in check_file(table, root, path)]
    return files, found


def selftest():
    here = os.path.dirname(os.path.abspath(__file__))
    good = {
        'include/likeness/status.h': '',
        'src/base/base.h': '#include <stdio.h>\n#include "likeness/status.h"\n',
        'src/base/crypto/sign.c': '#include <sodium.h>\n#include "base/base.h"\n',
        'src/flow/flow.h': '#include "base/base.h"\n',
        'src/media/media.h': '#include "base/base.h"\n#include "flow/flow.h"\n',
        'src/media/writer.h': '#include "media/media.h"\n',
        'src/media/internal.h': '',
        'src/media/read.c': '#include <libavformat/avformat.h>\n#include "internal.h"\n/* exit(1) */ char *s = "abort()";\n',
        'src/mark/mark.c': '#include "media/writer.h"\n',
        'src/studio/studio.c': '#include "media/media.h"\nvoid f(void) { x.free(1); y->exit(2); lk_free(p); snprintf(a); }\n',
        'src/make/swap/swap.h': '#include "media/media.h"\n',
        'cli/main.c': '#include "cli.h"\n#include "likeness/status.h"\n#include <stdio.h>\nint f(void) { return printf("x"); }\n',
        'cli/cli.h': '',
    }
    bad = {
        'upwards': ('src/base/up.c', '#include "media/media.h"\n'),
        'sideways': ('src/media/side.c', '#include "store/store.h"\n'),
        'sideways, the wrong way round': ('src/flow/side.c', '#include "media/media.h"\n'),
        'between crafts': ('src/make/lips/lips.c', '#include "make/swap/swap.h"\n'),
        'upwards by a relative path': ('src/base/up.c', '#include "../media/media.h"\n'),
        'somebody else\'s internal header': ('src/mark/peek.c', '#include "media/internal.h"\n'),
        'the writer, from studio': ('src/studio/out.c', '#include "media/writer.h"\n'),
        'the writer, by a relative path': ('src/studio/out.c', '  #  include   "../media/writer.h"\n'),
        'a foreign header elsewhere': ('src/studio/db.c', '#include <sqlite3.h>\n'),
        'libsodium outside crypto': ('src/base/hash.c', '#include <sodium.h>\n'),
        'a foreign header without a room': ('src/base/x.c', '#include <curl/curl.h>\n'),
        'the command looks inside': ('cli/peek.c', '#include "base/base.h"\n'),
        'the command looks inside by a relative path': ('cli/peek.c', '#include "../src/base/base.h"\n'),
        'the command uses a foreign library': ('cli/av.c', '#include <libavcodec/avcodec.h>\n'),
        'a file outside every room': ('src/misc/x.c', ''),
        'a thread outside flow': ('src/media/t.c', 'int f(void) { return pthread_create(a, b, c, d); }\n'),
        'printing': ('src/mark/p.c', '/* fine */\nvoid f(void) { printf("x"); }\n'),
        'ending the program': ('src/mark/p.c', 'void f(void) { if (x) exit(1); }\n'),
        'memory of its own': ('src/mark/m.c', 'void *f(void) { return malloc(4); }\n'),
    }

    def run(extra):
        with tempfile.TemporaryDirectory() as root:
            files = dict(good, **{'src/store/store.h': '#include "base/base.h"\n'})
            files.update(extra)
            for path, text in files.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, 'w', encoding='utf-8') as f:
                    f.write(text)
            os.makedirs(os.path.join(root, 'tools'), exist_ok=True)
            with open(os.path.join(here, 'layers.txt'), encoding='utf-8') as f, \
                    open(os.path.join(root, 'tools', 'layers.txt'), 'w', encoding='utf-8') as g:
                g.write(f.read())
            return check_tree(root)[1]

    failures = 0
    clean = run({})
    if clean:
        failures += 1
        print('a good tree is refused:', *clean, sep='\n  ')
    for name, (path, text) in bad.items():
        found = run({path: text})
        if len(found) != 1 or not found[0].startswith(path + ':'):
            failures += 1
            print(f'{name}: found {found}')
    print(f'selftest: {len(bad)} violations planted, {failures} wrong answers')
    return 1 if failures else 0


def main(arguments):
    if arguments == ['--selftest']:
        return selftest()
    if len(arguments) != 1:
        sys.exit(__doc__)
    files, found = check_tree(arguments[0])
    for line in found:
        print(line)
    print(f'{files} files, {len(found)} violations')
    return 1 if found or files == 0 else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
