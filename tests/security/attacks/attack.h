/* The attack program: runs inside a sandbox and tries to break a promise. One file per promise; see attack.c. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* Notes the outcome of one attempt: it must have failed. Prints what broke through. */
void must_fail(const char* what, long result);
/* The same for failing with one of two errors (the second may be 0). */
void must_fail_with(const char* what, long result, int error, int other_error);
/* A fact that must hold. */
void must(const char* what, int holds);
/* A pause that goes on after signals. */
void pause_ms(int milliseconds);

/* Each returns the exit status of the program unless it never returns; 0: go by what must_fail() noted. */
typedef int attack(int argc, char** argv);
attack files, processes, mounts, namespaces, sockets, network, kernel, devices, privileges, cgroups, fork_bomb,
    memory_bomb, tmp_fill, tmp_inodes, descriptors, identity, helper;
