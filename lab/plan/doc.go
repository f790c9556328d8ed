// Package plan chains steps into one unattended run: a file says what is done on
// which arrays, under which conditions, and what follows from a result that is
// not what was hoped for.
//
// Terms:
//
//   - A plan is a YAML file with a name and a list of steps.
//   - A step is one command of the program with its flags and with keys of the
//     configuration that hold for it alone. A step over several arrays is carried
//     out once for each; such a single piece of work is a task.
//   - A condition makes a step depend on how an earlier one ended and on its key
//     figures. A task whose condition is not met is skipped.
//   - A requirement is about the task's own key figures: where it is not met, the
//     task counts as outside.
//   - A reaction says what follows from an outcome: continue with the next task,
//     stop the plan, suspend it (it can be taken up again), or skip what is left
//     to be done on the same array.
//
// # File
//
//	plan: friday night
//	on: {partial: continue, tripped: stop}   # for all steps; these are the defaults
//	steps:
//	  - step: forming          # a name to refer to
//	    run: form              # the command: form, tune, characterize iv, mlp run, ...
//	    arrays: [A, B]         # once for each
//	    with: {devices: "r0-3c*"}            # flags of the command
//	    set: {forming.vmax: 2.4V}            # keys of the configuration, for this step only
//	    limits: {max_voltage: 3V}            # tighter than the bench's
//	    require: {formed: ">= 380"}          # of its key figures (result.json)
//	    on: {outside: skip-array}            # as above, for this step
//	  - run: tune
//	    arrays: [A, B]
//	    with: {target: face, tolerance: 5%}
//	    if: {step: forming, is: [complete, partial], where: {defective: "<= 12"}}
//
// Where a figure is a list, its length counts. A condition on a step over several
// arrays is about the same array where both have it, and otherwise about all.
package plan
