/* judge.c: `c2pa_judge [-r ROOTS.pem] [-j] [FILE...]`: our verdict of files, one line each: state, then the failures.
 * Without files, their names are read from standard input, one a line; so a program that makes thousands of changed
 * files can ask about each. -j prints whole reports as JSON. For developers and tools/differential.mjs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mark/c2pa/c2pa.h"

enum { MAX_ROOTS = 16 };
static lk_der roots[MAX_ROOTS];
static int root_count;

static void load_roots(const char *path)
{
    void *pem;
    size_t n;
    lk_error err = {0};
    if (lk_file_read(path, 1 << 20, &pem, &n, &err) != LK_OK || lk_cert_from_pem(pem, n, roots, MAX_ROOTS, &root_count, &err) != LK_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    lk_free(pem);
}

static void judge(const char *path, bool json)
{
    c2pa_report r;
    lk_error err = {0};
    lk_status s = c2pa_verify_file(path, roots, root_count, 0, &r, &err);
    if (s != LK_OK) {
        printf("error %s\n", lk_status_name(s));
    } else if (json) {
        lk_text t = {0};
        c2pa_report_json(&r, &t);
        printf("%s\n", t.s);
        lk_text_clear(&t);
    } else {
        printf("%s", c2pa_state_name(r.state));
        for (int i = 0; i < r.finding_count; i++)
            if (r.findings[i].severity == 2) printf(" %s%s", r.findings[i].code, r.findings[i].recorded ? "(recorded)" : "");
        printf("\n");
    }
    c2pa_report_clear(&r);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    bool json = false;
    int files = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-r") && i + 1 < argc) {
            load_roots(argv[++i]);
        } else if (!strcmp(argv[i], "-j")) {
            json = true;
        } else {
            judge(argv[i], json);
            files++;
        }
    }
    char line[4096];
    while (!files && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        judge(line, json);
    }
    for (int i = 0; i < root_count; i++) lk_free(roots[i].data);
    return 0;
}
