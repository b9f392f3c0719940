#!/bin/sh
# Make the environment in which OpenNMT-tf runs beside this library.
# Usage: setup_opennmt.sh FOLDER [PYTHON3.10]
set -eu

folder=${1:?usage: setup_opennmt.sh FOLDER [PYTHON3.10]}
python=${2:-python3.10}

"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 10))' || {
    echo "OpenNMT-tf 2.32 with TensorFlow 2.11 needs Python 3.10. Received: $python" \
         "($("$python" --version 2>&1)). Give the path of a python3.10 as second argument." >&2
    exit 2
}

# The last versions that OpenNMT-tf supports. NumPy 2 and Protobuf 4 break TensorFlow 2.11;
# typeguard 4 refuses the types that TensorFlow Addons' attention is written with.
set -- "OpenNMT-tf==2.32.*" "tensorflow==2.11.*" "tensorflow-text==2.11.*" \
    "tensorflow-addons==0.19.*" "typeguard<3" "numpy<2" "protobuf<4"

if command -v uv >/dev/null 2>&1; then
    uv venv --python "$python" "$folder"
    uv pip install --python "$folder/bin/python" "$@"
else
    "$python" -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet "$@"
fi
TF_CPP_MIN_LOG_LEVEL=3 "$folder/bin/python" -W ignore -c 'import opennmt, tensorflow
print("OpenNMT-tf", opennmt.__version__, "on TensorFlow", tensorflow.__version__)'
