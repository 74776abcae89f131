/* tempdir.h: a folder of its own for a test program, gone at the end.
 *
 *     int main(int argc, char **argv)
 *     {
 *         tempdir_make("store");
 *         return tempdir_remove(check_main(argc, argv, tests, LK_COUNT(tests)));
 *     }
 */
#ifndef LK_TESTS_TEMPDIR_H
#define LK_TESTS_TEMPDIR_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char tempdir[64];

__attribute__((unused)) static void tempdir_make(const char *name)
{
    /* In memory where possible: thousands of files are synchronised here. */
    snprintf(tempdir, sizeof tempdir, "%s/lk-%.20s-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", name);
    if (!mkdtemp(tempdir)) {
        perror(tempdir);
        exit(1);
    }
}

__attribute__((unused)) static void tempdir_clear(const char *path)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%.256s'", path);
    if (system(command) != 0) fprintf(stderr, "%s could not be removed\n", path);
}

__attribute__((unused)) static int tempdir_remove(int rc)
{
    tempdir_clear(tempdir);
    return rc;
}

/* The path of NAME in the folder; eight of them are valid at a time. */
__attribute__((unused)) static const char *in_tempdir(const char *name)
{
    static char path[8][300];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(path[turn], sizeof path[turn], "%s/%.200s", tempdir, name);
    return path[turn];
}

/* Entries of a folder, "." and ".." not counted; -1 when there is none. */
__attribute__((unused)) static int count_entries(const char *path)
{
    DIR *d = opendir(path);
    if (!d) return -1;
    int n = -2;
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

#endif
