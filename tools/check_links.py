#!/usr/bin/env python3
"""Check that what the texts point to is there.

    check_links.py ROOT         links of the .md files (README.md, docs, samples, models, bench) lead to a file, a folder or a
                                heading; wherever a source or a text names docs/SOMETHING.md, that file exists
    check_links.py --selftest   plant violations; each must be found

Addresses on the network are not followed. Text between backticks and in code blocks holds no links.
"""
import os
import re
import sys
import tempfile

TEXTS = ('docs', 'samples', 'models', 'bench', 'fuzz', 'tools')       # besides the root itself
SOURCES = ('include', 'src', 'cli', 'web', 'ui', 'tests', 'bench', 'fuzz', 'tools')
LINK = re.compile(r'\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)')
REFERENCE = re.compile(r'^ {0,3}\[[^\]]+\]:\s+(\S+)', re.M)
PICTURE = re.compile(r'!\[[^\]]*\]\(\s*<?([^)\s>]+)')               # also within a link
NAMED = re.compile(r'(?<![\w./-])docs/[A-Z][\w-]*\.md\b')


def without_code(text):
    text = re.sub(r'^(```|~~~).*?^\1[^\n]*$', '', text, flags=re.M | re.S)
    return re.sub(r'`[^`\n]*`', '', text)


def anchors(text):
    """The headings as addresses, as GitHub makes them: small letters, no punctuation, a dash for each space."""
    found = set()
    for heading in re.findall(r'^#{1,6}\s+(.*?)\s*#*\s*$', re.sub(r'^```.*?^```', '', text, flags=re.M | re.S), flags=re.M):
        heading = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', heading)
        found.add(re.sub(r'\s', '-', re.sub(r'[^\w\s-]', '', heading.lower())))
    return found


def read(path):
    with open(path, encoding='utf-8', errors='replace') as f:
        return f.read()


def files_of(root, folders, endings):
    for top in folders:
        for folder, inner, names in os.walk(os.path.join(root, top)):
            inner[:] = sorted(n for n in inner if n != 'node_modules' and not n.startswith('.'))
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.join(folder, name)


def check_link(root, path, target):
    """What is wrong with a link, or None."""
    if re.match(r'[a-z][a-z0-9+.-]*:', target, re.I):
        return None
    name, _, anchor = target.partition('#')
    full = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
    if os.path.relpath(full, root).startswith('..'):
        return f'{target} leaves the project'
    if not os.path.exists(full):
        return f'{target} is not there'
    if anchor and full.endswith('.md') and anchor not in anchors(read(full)):
        return f'{target}: no such heading'
    return None


def check(root):
    found, links = [], 0
    texts = [os.path.join(root, n) for n in sorted(os.listdir(root)) if n.endswith('.md')] + list(files_of(root, TEXTS, ('.md',)))
    for path in texts:
        prose = without_code(read(path))
        for target in sorted({t for kind in (LINK, PICTURE, REFERENCE) for t in kind.findall(prose)}):
            links += 1
            why = check_link(root, path, target)
            if why:
                found.append(f'{os.path.relpath(path, root)}: {why}')
    for path in texts + list(files_of(root, SOURCES, ('.c', '.h', '.py', '.mjs', '.js', '.sh', '.html', 'meson.build'))):
        if os.path.samefile(path, __file__):
            continue
        text = read(path)
        if path.endswith('.md'):
            text = LINK.sub('', text) # those were looked at
        for target in sorted(set(NAMED.findall(text))):
            links += 1
            if not os.path.exists(os.path.join(root, target)):
                found.append(f'{os.path.relpath(path, root)}: {target} is not there')
    return links, found


def selftest():
    failures = 0

    def expect(what, violations, files):
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

    a = {'docs/A.md': '# One thing\n## The `way` out: now\n'}
    expect('good links', 0, a | {'README.md': '[a](docs/A.md) [b](docs/) [c](https://x.org/y) ![p](docs/A.md "title") [d](#me)\n# Me\n'})
    expect('a file that is not there', 1, a | {'README.md': '[a](docs/B.md)\n'})
    expect('relative to the text', 1, a | {'docs/B.md': '[a](A.md) [b](docs/A.md)\n'})
    expect('two on a line', 2, {'README.md': '[a](b.png) and [c](d.png)\n'})
    expect('a picture in a link', 1, a | {'README.md': '[![p](gone.png)](docs/A.md)\n'} | {'docs/B.md': ''})
    expect('headings', 1, a | {'README.md': '[a](docs/A.md#one-thing) [b](docs/A.md#the-way-out-now) [c](docs/A.md#two)\n'})
    expect('in code', 0, {'README.md': '`[a](b)`\n```\n[a](b.md)\n```\n'})
    expect('by reference', 1, {'README.md': 'see [a]\n\n[a]: b.md\n'})
    expect('out of the project', 1, {'docs/A.md': '[a](../../etc/passwd)\n'})
    expect('a source names a text', 1, a | {'src/a.c': '/* see docs/A.md and docs/B.md; not other/docs/C.md */\n'})
    print(f'selftest: {failures} wrong answers')
    return 1 if failures else 0


def main(arguments):
    if arguments == ['--selftest']:
        return selftest()
    if len(arguments) != 1:
        sys.exit(__doc__)
    links, found = check(arguments[0])
    for line in found:
        print(line)
    print(f'{links} links, {len(found)} violations')
    return 1 if found or links == 0 else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
