# Puts the runtime clients of runtimes/ into the binary: sets HEARTH_RUNTIME_FILES_SOURCE to a generated .cc file.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

file(GLOB hearth_runtime_files CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/runtimes/python/*.py
  ${PROJECT_SOURCE_DIR}/runtimes/nodejs/*.cjs
  ${PROJECT_SOURCE_DIR}/runtimes/nodejs/sdk/package*.json)

set(HEARTH_RUNTIME_FILES_SOURCE ${PROJECT_BINARY_DIR}/generated/environment/runtime_files_data.cc)
set(hearth_runtime_arguments "")
foreach(file IN LISTS hearth_runtime_files)
  file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR}/runtimes ${file})
  list(APPEND hearth_runtime_arguments ${name}=${file})
endforeach()

add_custom_command(
  OUTPUT ${HEARTH_RUNTIME_FILES_SOURCE}
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/runtimes/embed.py ${HEARTH_RUNTIME_FILES_SOURCE}
          ${hearth_runtime_arguments}
  DEPENDS ${PROJECT_SOURCE_DIR}/runtimes/embed.py ${hearth_runtime_files}
  VERBATIM)
