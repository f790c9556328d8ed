package main

// examples are what a person can type, by command. A test tries that they are
// understood.
var examples = map[string]string{
	"xlab": `
  xlab form --array A
  xlab tune --target face --tolerance 5%
  xlab report last`,
	"xlab characterize": `
  xlab characterize thresholds --array A
  xlab characterize retention --last 7d --dry-run`,
	"xlab characterize disturb": `
  xlab characterize disturb --devices r10c10 --schemes v2,v3
  xlab characterize disturb --amplitudes 1V,1.2V --pulses 500`,
	"xlab characterize endurance": `
  xlab characterize endurance --devices r3c7 --cycles 200
  xlab characterize endurance --fixed --set-pulse 1.3V --reset-pulse=-1.7V`,
	"xlab characterize iv": `
  xlab characterize iv --devices r3c7,r5c2
  xlab characterize iv --set-stop 1.2V --reset-stop=-1.5V --limit 500uA`,
	"xlab characterize retention": `
  xlab characterize retention --last 24h
  xlab characterize retention --states 20uS,80uS --first 1min --last 7d --set simulation.temperature=85`,
	"xlab characterize temperature": `
  xlab characterize temperature --temperatures 25,55,85
  xlab characterize temperature --devices r3c7 --states 50uS`,
	"xlab characterize thresholds": `
  xlab characterize thresholds --devices r0-4c0-4
  xlab characterize thresholds --chips 7 --output figures`,
	"xlab completion": `
  xlab completion bash`,
	"xlab completion bash": `
  xlab completion bash`,
	"xlab completion fish": `
  xlab completion fish`,
	"xlab completion powershell": `
  xlab completion powershell`,
	"xlab completion zsh": `
  xlab completion zsh`,
	"xlab console": `
  xlab console --array A
  xlab console --resume last`,
	"xlab doctor": `
  xlab doctor
  xlab doctor --transcript first-day
  xlab doctor --array A --route r0=S1,c3=S5`,
	"xlab export": `
  xlab export last --output readings.csv
  xlab export last --table devices --format parquet --output devices.parquet`,
	"xlab form": `
  xlab form --array A --dry-run
  xlab form --array A --devices r0-4c2 --set forming.amin=20`,
	"xlab help": `
  xlab help mlp run`,
	"xlab init": `
  xlab init
  xlab init --hardware`,
	"xlab iv": `
  xlab iv --device r3c7 --stop 0.4V
  xlab iv --array B --device r3c7 --start=-200mV --stop 200mV --steps 81 --one-way`,
	"xlab man": `
  xlab man ~/.local/share/man/man1`,
	"xlab mlp": `
  xlab mlp run
  xlab mlp infer --network last`,
	"xlab mlp data": `
  xlab mlp data
  xlab mlp data --file iris.csv --label species`,
	"xlab mlp drift": `
  xlab mlp drift --last 7d
  xlab mlp drift --variants plain,feedback --first 10s --last 24h --per-decade 2`,
	"xlab mlp import": `
  xlab mlp import --network last --tolerance 5%
  xlab mlp import --network network.json --dry-run`,
	"xlab mlp infer": `
  xlab mlp infer
  xlab mlp infer --network network.json --no-trim`,
	"xlab mlp insitu": `
  xlab mlp insitu --rule variable --epochs 30
  xlab mlp insitu --rule fixed --set-pulse 1.1V --reset-pulse=-1.3V --dry-run`,
	"xlab mlp run": `
  xlab mlp run
  xlab mlp run --approach oblivious --tolerance 30%`,
	"xlab mlp temperature": `
  xlab mlp temperature --temperatures 25,55,85
  xlab mlp temperature --variants plain,biased`,
	"xlab mlp train": `
  xlab mlp train --out network.json
  xlab mlp train --file iris.csv --approach oblivious --hidden 6 --seed 3`,
	"xlab pulse": `
  xlab pulse --device r3c7 1.0V 500us --read
  xlab pulse --array B --device r3c7 -1.2V 1ms --scheme v2 --compliance 500uA`,
	"xlab read": `
  xlab read --array A
  xlab read --devices r3c7,r5c* --voltage 100mV --format csv`,
	"xlab replay": `
  xlab replay last
  xlab replay --transcript last`,
	"xlab report": `
  xlab report last
  xlab report last --output report.html`,
	"xlab resume": `
  xlab resume
  xlab resume --list`,
	"xlab run": `
  xlab run friday.yaml --dry-run
  xlab run friday.yaml --wait 2d --notify 'mail -s "$NOTIFY_TEXT" lab@example.org'`,
	"xlab runs": `
  xlab runs --command characterize --array A --since 2026-11-01
  xlab runs --outcome interrupted --outcome unknown
  xlab runs --since 12h --text r3c7`,
	"xlab runs reindex": `
  xlab runs reindex`,
	"xlab runs show": `
  xlab runs show last`,
	"xlab sim": `
  xlab sim chip new --seed 7
  xlab sim evaluate`,
	"xlab sim chip": `
  xlab sim chip --array B`,
	"xlab sim chip new": `
  xlab sim chip new --seed 7`,
	"xlab sim evaluate": `
  xlab sim evaluate --patterns 100000`,
	"xlab sim serve": `
  xlab sim serve
  xlab sim serve --faults faults.yaml`,
	"xlab sim solve": `
  xlab sim solve case.json`,
	"xlab sim transient": `
  xlab sim transient --from 0 --to 30 --output step.svg`,
	"xlab study": `
  xlab study tuning --chips 5 --dry-run`,
	"xlab study collect": `
  xlab study collect study-tuning-3fa9c2d1e0
  xlab study collect study-tuning-3fa9c2d1e0 --watch`,
	"xlab study merge": `
  xlab study merge shards/*.jsonl
  xlab study merge --seeds 1-40 first.jsonl second.jsonl --json`,
	"xlab study mlp": `
  xlab study mlp --chips 5 --dry-run
  xlab study mlp --approaches aware --insitu`,
	"xlab study run-shard": `
  xlab study run-shard study-tuning-3fa9c2d1e0 7`,
	"xlab study tuning": `
  xlab study tuning --chips 5 --dry-run
  xlab study tuning --policies adaptive,ramp --tolerances 5% --schemes v2,v3
  xlab study tuning --seeds 21-40 --shard second.jsonl
  xlab study tuning --seeds 1-200 --slurm --shards 40 --time 60`,
	"xlab tune": `
  xlab tune --target face --tolerance 5%
  xlab tune --target 20uS --devices "r3c7, r0-4c2"
  xlab tune --target map.csv --unit ohm --at r2c3 --dry-run`,
	"xlab version": `
  xlab version --json`,
}
