#!/usr/bin/env python3
"""Check the length of files and that public headers stand alone.

    check_files.py length ROOT                .c and .h files of more than 600 lines need a reason in tools/long_files.txt
    check_files.py headers ROOT CC [CXX]      include/likeness/*.h compiles alone, in C17 and (with CXX) in C++17
    check_files.py selftest CC [CXX]          plant violations; each must be found

A file past 600 lines usually holds a second thing that crept in. A reason that
is no longer needed is a violation too.
"""
import os
import subprocess
import sys
import tempfile

MOST_LINES = 600
FOLDERS = ('include', 'src', 'cli', 'web', 'tests', 'bench', 'fuzz', 'tools')


def read_reasons(root):
    reasons = {}
    path = os.path.join(root, 'tools', 'long_files.txt')
    if os.path.exists(path):
        with open(path, encoding='utf-8') as f:
            for line in f:
                line = line.split('#')[0].strip()
                if line:
                    name, _, reason = line.partition(' ')
                    reasons[name] = reason.strip()
    return reasons


def check_length(root):
    reasons, found, files = read_reasons(root), [], 0
    long_ones = set()
    for top in FOLDERS:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if not name.endswith(('.c', '.h')):
                    continue
                full = os.path.join(folder, name)
                path = os.path.relpath(full, root)
                with open(full, 'rb') as f:
                    lines = f.read().count(b'\n')
                files += 1
                if lines > MOST_LINES:
                    long_ones.add(path)
                    if not reasons.get(path):
                        found.append(f'{path}: {lines} lines; split it, or give a reason in tools/long_files.txt')
    for path in sorted(set(reasons) - long_ones):
        found.append(f'tools/long_files.txt: {path} needs no reason (any more)')
    return files, found


def compiles(command, root, header, suffix):
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, 'alone' + suffix)
        with open(source, 'w', encoding='utf-8') as f:
            # Twice: the include guard works. The type keeps the file from being empty.
            f.write(f'#include "{header}"\n#include "{header}"\ntypedef int not_empty;\n')
        done = subprocess.run(command + ['-I', os.path.join(root, 'include'), '-Wall', '-Wextra', '-Wpedantic', '-Werror',
                                         '-fsyntax-only', source], capture_output=True, text=True)
        return None if done.returncode == 0 else done.stderr.strip()


def check_headers(root, cc, cxx):
    folder = os.path.join(root, 'include', 'likeness')
    headers = sorted(n for n in os.listdir(folder) if n.endswith('.h')) if os.path.isdir(folder) else []
    found = []
    for name in headers:
        ways = [('C17', [cc, '-std=c17'], '.c')] + ([('C++17', [cxx, '-std=c++17'], '.cc')] if cxx else [])
        for language, command, suffix in ways:
            why = compiles(command, root, 'likeness/' + name, suffix)
            if why:
                found.append(f'include/likeness/{name} does not compile alone in {language}:\n{why}')
    return len(headers), found


def selftest(cc, cxx):
    failures = 0

    def expect(what, check, files, violations):
        nonlocal failures
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, 'w', encoding='utf-8') as f:
                    f.write(text)
            found = check(root)[1]
        if len(found) != violations:
            failures += 1
            print(f'{what}: {violations} violations planted, found {found}')

    headers = lambda root: check_headers(root, cc, cxx)
    fits, too_long = 'int x;\n' * MOST_LINES, 'int x;\n' * (MOST_LINES + 1)
    expect('600 lines', check_length, {'src/a.c': fits}, 0)
    expect('601 lines', check_length, {'src/a.c': too_long, 'cli/b.h': too_long, 'docs/c.md': too_long}, 2)
    expect('a reason', check_length, {'src/a.c': too_long, 'tools/long_files.txt': 'src/a.c one table\n'}, 0)
    expect('an empty reason', check_length, {'src/a.c': too_long, 'tools/long_files.txt': 'src/a.c\n'}, 1)
    expect('an old reason', check_length, {'src/a.c': fits, 'tools/long_files.txt': 'src/a.c one table\n'}, 1)
    h = 'include/likeness/x.h'
    expect('a good header', headers, {h: '#ifndef X_H\n#define X_H\n#include <stdint.h>\nint32_t f(void);\n#endif\n'}, 0)
    expect('a missing include', headers, {h: '#ifndef X_H\n#define X_H\nint32_t f(void);\n#endif\n'}, 2 if cxx else 1)
    expect('no guard', headers, {h: 'struct x { int y; };\n'}, 2 if cxx else 1)
    if cxx:
        expect('a C++ keyword', headers, {h: '#ifndef X_H\n#define X_H\nint f(int new);\n#endif\n'}, 1)
    print(f'selftest: {failures} wrong answers')
    return 1 if failures else 0


def main(arguments):
    if len(arguments) in (2, 3) and arguments[0] == 'selftest':
        return selftest(arguments[1], arguments[2] if len(arguments) == 3 else None)
    if len(arguments) == 2 and arguments[0] == 'length':
        count, found = check_length(arguments[1])
    elif len(arguments) in (3, 4) and arguments[0] == 'headers':
        count, found = check_headers(arguments[1], arguments[2], arguments[3] if len(arguments) == 4 else None)
    else:
        sys.exit(__doc__)
    for line in found:
        print(line)
    print(f'{count} files, {len(found)} violations')
    return 1 if found or count == 0 else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
