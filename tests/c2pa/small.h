/* small.h: two signers, small files, and what is asked about signed ones again and again. */
#ifndef LK_TESTS_C2PA_SMALL_H
#define LK_TESTS_C2PA_SMALL_H

#include "asset/files.h"
#include "people.h"

static person ann, eve;
__attribute__((unused)) static const char *const names[C2PA_FORMATS] = {"x.jpg", "x.png", "x.wav", "x.mp4"};

__attribute__((unused)) static const char *small(c2pa_format f)
{
    make_small(&file_a, f);
    return save(&file_a, names[f]);
}

__attribute__((unused)) static c2pa_report judged(const char *path, const person *p)
{
    c2pa_report r;
    lk_error err = {0};
    CHECK_OK(c2pa_verify_file(path, p ? &p->root : NULL, p ? 1 : 0, 0, &r, &err), &err);
    return r;
}

__attribute__((unused)) static void *load(const char *path, size_t *n)
{
    void *data = NULL;
    lk_error err = {0};
    CHECK_OK(lk_file_read(path, 1 << 26, &data, n, &err), &err);
    return data;
}

__attribute__((unused)) static c2pa_spec opened_spec(const char *path, c2pa_ingredient *parent, c2pa_action *open)
{
    *parent = (c2pa_ingredient){.relation = C2PA_PARENT_OF, .title = "source", .path = path};
    *open = (c2pa_action){.action = "c2pa.opened", .ingredient_count = 1};
    return (c2pa_spec){.actions = open, .action_count = 1, .ingredients = parent, .ingredient_count = 1, .log_index = -1};
}

/* Runs the tests in a folder of their own, with the two signers. */
__attribute__((unused)) static int small_main(int argc, char **argv, const char *folder, const check_test *tests, int count)
{
    tempdir_make(folder);
    person_make(&ann, LK_PK_ES256);
    person_make(&eve, LK_PK_EDDSA);
    int rc = check_main(argc, argv, tests, count);
    person_free(&ann);
    person_free(&eve);
    return tempdir_remove(rc);
}

#endif
