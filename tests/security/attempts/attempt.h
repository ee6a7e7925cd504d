/* Attempts: single attacks from inside a sandbox, each with a name that ../promises.json ties to a promise and to the
 * barriers against it. The program: attempt.c.
 *
 * An attempt says broke() when it got what it must not get, and is silent otherwise. What it does must be harmless when
 * it works: barriers are left out on purpose, and it is the host's clock, not a model of it. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* Something got through; `format` says what. */
__attribute__((format(printf, 1, 2))) void broke(const char* format, ...);
/* broke() if `result` is no failure (not negative). */
void broke_if_done(const char* what, long result);
/* What the test says of the world outside, as an environment variable ATTEMPT_<name>; ends the program if it is not said. */
const char* told(const char* name);
/* A path below /opt (the code) or /tmp as it is in this tier; good until the fourth call after it. */
const char* here(const char* inside);
int told_number(const char* name);
/* The first process of the sandbox. */
pid_t init_pid(void);
/* A pause that goes on after signals. */
void wait_ms(int milliseconds);

/* Name, and whether it runs in a sandbox of its own (it may end it or fill it), else together with the others. */
#define ATTEMPTS(TOGETHER, ALONE)   \
  /* files.c */                     \
  TOGETHER(host_files)              \
  TOGETHER(links_out_of_code)       \
  TOGETHER(write_code)              \
  TOGETHER(write_root)              \
  TOGETHER(owner_only_file)         \
  TOGETHER(file_handles)            \
  TOGETHER(set_user_id_file)        \
  TOGETHER(device_node)             \
  TOGETHER(more_devices)            \
  TOGETHER(code_path)               \
  TOGETHER(mount_table)             \
  ALONE(tmp_bytes)                  \
  ALONE(tmp_files)                  \
  /* mounts.c */                    \
  TOGETHER(mount_own)               \
  TOGETHER(change_mounts)           \
  TOGETHER(change_root)             \
  TOGETHER(new_user_namespace)      \
  TOGETHER(join_namespace)          \
  /* processes.c */                 \
  TOGETHER(see_host_processes)      \
  TOGETHER(signal_host)             \
  TOGETHER(steer_host_processes)    \
  TOGETHER(trace_host)              \
  TOGETHER(see_init)                \
  TOGETHER(read_init_memory)        \
  TOGETHER(trace_init)              \
  TOGETHER(take_init_descriptor)    \
  TOGETHER(folders_of_the_launcher) \
  TOGETHER(trace_own_child)         \
  TOGETHER(compare_objects)         \
  ALONE(signal_init)                \
  /* network.c */                   \
  TOGETHER(host_loopback)           \
  TOGETHER(host_address)            \
  TOGETHER(metadata_address)        \
  TOGETHER(neighbours_api)          \
  TOGETHER(abstract_socket)         \
  TOGETHER(take_server_port)        \
  TOGETHER(configure_network)       \
  TOGETHER(raw_socket)              \
  TOGETHER(packet_socket)           \
  TOGETHER(exotic_socket)           \
  TOGETHER(shared_memory)           \
  TOGETHER(message_queue)           \
  /* kernel.c */                    \
  TOGETHER(bpf_map)                 \
  TOGETHER(io_uring)                \
  TOGETHER(user_fault)              \
  TOGETHER(perf_event)              \
  TOGETHER(keyring)                 \
  TOGETHER(set_clock)               \
  TOGETHER(set_host_name)           \
  TOGETHER(kernel_log)              \
  TOGETHER(persona)                 \
  TOGETHER(rare_calls)              \
  TOGETHER(machine_in_proc)         \
  TOGETHER(write_sysctl)            \
  TOGETHER(root_files_of_proc)      \
  TOGETHER(better_priority)         \
  /* identity.c */                  \
  TOGETHER(become_root)             \
  TOGETHER(capability_sets)         \
  TOGETHER(new_privileges)          \
  TOGETHER(give_file_away)          \
  TOGETHER(user_inside)             \
  TOGETHER(host_name)               \
  TOGETHER(cgroup_path)             \
  TOGETHER(leave_cgroup)            \
  TOGETHER(descriptors_at_start)    \
  TOGETHER(speak_to_launcher)       \
  TOGETHER(raise_limits)            \
  TOGETHER(oom_shield)              \
  TOGETHER(open_files)              \
  TOGETHER(core_file)               \
  TOGETHER(core_pipe)               \
  ALONE(memory)                     \
  ALONE(processes)                  \
  ALONE(processor)

#define DECLARE_ATTEMPT(name) void attempt_##name(void);
ATTEMPTS(DECLARE_ATTEMPT, DECLARE_ATTEMPT)
#define ATTEMPT(name) void attempt_##name(void)
