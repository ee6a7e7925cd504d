# Third-party libraries: static where Debian ships the archive (faster start, smaller process), libc dynamic.

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
set(OPENSSL_USE_STATIC_LIBS ON)
find_package(OpenSSL 3 REQUIRED)

function(hearth_static_library name)
  cmake_parse_arguments(ARG "" "" "ARCHIVES;NEEDS" ${ARGN})
  add_library(hearth::${name} INTERFACE IMPORTED GLOBAL)
  foreach(archive IN LISTS ARG_ARCHIVES)
    find_library(HEARTH_LIB_${archive} NAMES lib${archive}.a ${archive} REQUIRED)
    target_link_libraries(hearth::${name} INTERFACE ${HEARTH_LIB_${archive}})
  endforeach()
  target_link_libraries(hearth::${name} INTERFACE ${ARG_NEEDS})
endfunction()

hearth_static_library(rocksdb ARCHIVES rocksdb snappy lz4 zstd bz2 z NEEDS Threads::Threads dl)
hearth_static_library(archive ARCHIVES archive nettle acl attr xml2 lzma icuuc icudata zstd lz4 bz2 z NEEDS dl m)
hearth_static_library(deflate ARCHIVES deflate)
hearth_static_library(re2 ARCHIVES re2 NEEDS Threads::Threads)
hearth_static_library(pugixml ARCHIVES pugixml)
hearth_static_library(seccomp ARCHIVES seccomp)
hearth_static_library(cap ARCHIVES cap)
hearth_static_library(boost_json ARCHIVES boost_json)

# Header-only use of fmt: Debian ships no static archive of it.
add_library(hearth::fmt INTERFACE IMPORTED GLOBAL)
target_compile_definitions(hearth::fmt INTERFACE FMT_HEADER_ONLY=1)

if(HEARTH_TESTS)
  find_package(GTest REQUIRED)
endif()
