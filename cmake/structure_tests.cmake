# Tests of the structure itself, labelled "structure": what may include what, which headers stand alone, which archives are pure, and
# whether the files are tidy. Each script in tests/structure says what it looks for; self_test.py shows that each of them can fail.
find_program(PYTHON3 NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(PYTHON3 NAMES python3 REQUIRED)
set(structure ${PROJECT_SOURCE_DIR}/tests/structure)

function(structure_test name)
  add_test(NAME "structure: ${name}" COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties("structure: ${name}" PROPERTIES LABELS structure TIMEOUT 120 ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
endfunction()

get_property(modules GLOBAL PROPERTY EVENER_MODULES)
set(declarations "")
foreach(module ${modules})
  get_property(depends GLOBAL PROPERTY EVENER_MODULE_${module}_DEPENDS)
  list(JOIN depends " " depends)
  string(APPEND declarations "${module}: ${depends}\n")
endforeach()
file(WRITE ${PROJECT_BINARY_DIR}/modules.txt "${declarations}")
structure_test("modules include only what they declare" ${PYTHON3} ${structure}/layers.py ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/modules.txt)

set(archives "")
foreach(module core route affinity placement lab)
  if(TARGET evener_${module})
    get_target_property(type evener_${module} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
      list(APPEND archives $<TARGET_FILE:evener_${module}>)
    endif()
  endif()
endforeach()
structure_test("pure modules hold no clock, chance, thread, socket or file" ${PYTHON3} ${structure}/pure_archives.py ${archives})

# What decides and what draws chance. Of lab, only what prints or fits still uses the library.
structure_test("decisions leave no rounding to the C library" ${PYTHON3} ${structure}/portable_archives.py $<TARGET_FILE:evener_core>
               $<TARGET_FILE:evener_route>)

# CMake's own check: one translation unit for each header, nothing included before it. It is built here and not in every build, because it
# costs as much as compiling the sources.
structure_test("every header compiles alone" ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} --target all_verify_interface_header_sets -- --quiet -k 0)
set_tests_properties("structure: every header compiles alone" PROPERTIES TIMEOUT 900 RUN_SERIAL ON)

structure_test("files are tidy and links lead somewhere" ${PYTHON3} ${structure}/tidy.py ${PROJECT_SOURCE_DIR})
get_target_property(route_type evener_route TYPE)
if(route_type STREQUAL "STATIC_LIBRARY")
  structure_test("the worked example of CONTRIBUTING.md compiles and passes" ${PYTHON3} ${structure}/worked_example.py ${PROJECT_SOURCE_DIR}
                 ${CMAKE_CXX_COMPILER} $<TARGET_FILE:evener_route> $<TARGET_FILE:evener_core>)
endif()
if(TARGET evener)
  structure_test("commands in the documentation exist" ${PYTHON3} ${structure}/documented_commands.py ${PROJECT_SOURCE_DIR} $<TARGET_FILE:evener>)
endif()
structure_test("each structure check can fail" ${PYTHON3} ${structure}/self_test.py ${PROJECT_SOURCE_DIR} ${CMAKE_CXX_COMPILER})
