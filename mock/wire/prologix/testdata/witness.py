"""Drives the analyzer behind the adapter with pymeasure, a driver that knows
nothing of this project, and prints what it saw as JSON.

usage: witness.py PORT
"""
import json
import sys

import serial
from pymeasure.adapters import PrologixAdapter
from pymeasure.instruments.agilent.agilentB1500 import AgilentB1500


class PatientSerial(serial.Serial):
    """The adapter class reads lines until the port is quiet for its time-out.
    Every answer here is one line, so one line is waited for, but long."""

    def readlines(self, hint=-1):
        line = self.readline()
        if not line.endswith(b"\n"):
            raise TimeoutError("no answer within %g s, only %r" % (self.timeout, line))
        return [line]


saw = {}
adapter = PrologixAdapter(PatientSerial(sys.argv[1], timeout=20), address=17)
adapter.write("++mode 1")
adapter.set_defaults()
adapter.write("++read_tmo_ms 3000")

# Version 0.9 of the driver fails on opening an analyzer in format 1, which is
# the one after power-on: its class for that format mistakes its arguments.
adapter.write("FMT 21")

b1500 = AgilentB1500(adapter)
saw["id"] = b1500.id
saw["modules"] = b1500.query_modules()
b1500.reset()
b1500.check_errors()
b1500.initialize_all_smus()
saw["smus"] = b1500.smu_names
b1500.data_format(21, mode=1)
one, two = b1500.smu1, b1500.smu2

# Settings, written and read back.
one.enable()
two.enable()
one.adc_type = "HRADC"
two.adc_type = 0
b1500.adc_setup("HRADC", "PLC", 1)
b1500.adc_setup("HSADC", "TIME", 0.0005)
b1500.adc_auto_zero = True
b1500.adc_auto_zero = False
b1500.adc_averaging(10, "Manual")
b1500.wait_time("SMU_SOURCE", 1, 0)
b1500.auto_calibration = False
b1500.parallel_meas = False
b1500.time_stamp = False
# The driver's own setter has the parameters of FL in the wrong order.
b1500.write("FL 1,%d" % one.channel)
one.series_resistor = False
one.meas_range_current = "100 uA range fixed"
two.meas_range_voltage = "2 V"
one.meas_op_mode = "COMPLIANCE_SIDE"
one.meas_range_current_auto(1)
saw["filter"] = [one.filter, two.filter]
saw["adc"] = [int(one.adc_type), int(two.adc_type)]
saw["calibration"] = b1500.auto_calibration
saw["settings"] = {
    **b1500.query_meas_settings(), **b1500.query_adc_setup(), **b1500.query_meas_ranges(),
    **b1500.query_series_resistor(), **b1500.query_meas_range_current_auto(), **b1500.query_meas_op_mode(),
    **b1500.query_time_stamp_setting(), **b1500.query_sampling_settings(),
}

# Force and measure at once.
one.force("Voltage", "2 V", 0.2, 1e-4)
two.force("Voltage", "Auto Ranging", 0, 1e-4)
saw["status"] = one.status
saw["high-speed spot"] = b1500.ask("TI 1,0").strip()

# Spot measurement by trigger, read with the driver's own parser.
b1500.meas_mode("SPOT", one, two)
b1500.clear_buffer()
b1500.clear_timer()
b1500.send_trigger()
b1500.check_idle()
saw["spot"] = b1500.read_data(1).to_dict("list")

# Ramp to a level in steps.
one.ramp_source("Voltage", "Auto Ranging", 0.5, 1e-4, stepsize=0.1, pause=0)
saw["ramped"] = one.status

# Staircase sweep.
b1500.meas_mode("STAIRCASE_SWEEP", one, two)
one.staircase_sweep_source("Voltage", "LINEAR_DOUBLE", "Auto Ranging", 0, 0.5, 6, 1e-4)
b1500.sweep_timing(0.1, 0.001)
b1500.sweep_auto_abort(True, post="START")
saw["sweep settings"] = b1500.query_staircase_sweep_settings()
b1500.send_trigger()
b1500.check_idle()
saw["sweep"] = b1500.read_data(12).to_dict("list")
b1500.check_errors()

# Sweep that runs into its compliance and stops.
one.staircase_sweep_source("Voltage", "LINEAR_SINGLE", "Auto Ranging", 0, 0.5, 6, 5e-6)
b1500.send_trigger()
b1500.check_idle()
saw["stopped"] = b1500.read_data(6).to_dict("list")

# Sampling.
b1500.meas_mode("SAMPLING", one)
b1500.sampling_mode = "LINEAR"
b1500.sampling_timing(0, 0.01, 5)
b1500.sampling_auto_abort(False, post="BASE")
one.sampling_source("Voltage", "Auto Ranging", 0, 0.1, 1e-4)
two.sampling_source("Voltage", "Auto Ranging", 0, 0, 1e-4)
b1500.send_trigger()
b1500.check_idle()
saw["sampling"] = b1500.read_data(5).to_dict("list")

# An error is reported as one.
b1500.force_gnd()
one.disable()
try:
    one.force("Voltage", "Auto Ranging", 1, 1e-4)
except IOError as e:
    saw["error"] = str(e)
saw["off"] = one.status
b1500.check_errors()
print(json.dumps(saw))
