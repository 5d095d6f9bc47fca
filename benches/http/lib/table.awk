# Reads name|handler alone|ours|text of each server; prints the table from the samples, in requests a
# second of the clock, or, if the unit says so, of the processor time that the server used.

BEGIN {
  FS = "|"
  per_cpu = unit ~ /processor/
  columns = split(sizes, size, ",")
  while ((getline line < samples) > 0) {
    split(line, part, "\t")
    if (!part[5]) continue
    rate[part[1], part[3], part[2]] = part[4] / (per_cpu ? part[5] : 1)
    busy[part[1], part[3], part[2]] = part[5]
    if (part[2] > rounds) rounds = part[2]
  }
  header = "| |"
  rule = "| --- |"
  for (n = 1; n <= columns; n++) {
    header = header " " bytes(size[n]) ", " unit " | of its handler alone | this crate ÷ it |"
    rule = rule " ---: | ---: | ---: |"
  }
  print header
  print rule
}

{
  measured = 0
  row = "| " $4 " |"
  for (n = 1; n <= columns; n++) {
    row = row " " requests(size[n], $1) " | " ratio(size[n], $1, $2) " | " ratio(size[n], $3, $1) " |"
  }
  if (measured) print row
}

function bytes(count) {
  if (count % 1024) return count " bytes"
  return count % 1048576 ? count / 1024 " KiB" : count / 1048576 " MiB"
}

function requests(of, name) {
  if (!collect(rate, of, name, "")) return "–"
  measured = 1
  middle = median()
  collect(busy, of, name, "")
  return thousands(middle) (median() < 0.9 && !per_cpu ? " †" : "")
}

function ratio(of, name, to) {
  if (name == "" || to == "" || !collect(rate, of, name, to)) return "–"
  return sprintf("%.2f", median())
}

# Fills value[1..count]; of two names with the ratio of what the same round measured.
function collect(table, of, name, to,    n) {
  count = 0
  for (n = 1; n <= rounds; n++) {
    if (!((of, name, n) in table) || (to != "" && !((of, to, n) in table))) continue
    value[++count] = table[of, name, n] / (to == "" ? 1 : table[of, to, n])
  }
  return count
}

function median(    n, m, held) {
  for (n = 2; n <= count; n++) {
    held = value[n]
    for (m = n - 1; m > 0 && value[m] > held; m--) value[m + 1] = value[m]
    value[m + 1] = held
  }
  return count % 2 ? value[(count + 1) / 2] : (value[count / 2] + value[count / 2 + 1]) / 2
}

function thousands(number,    text, out) {
  text = sprintf("%.0f", number)
  while (length(text) > 3) {
    out = "," substr(text, length(text) - 2) out
    text = substr(text, 1, length(text) - 3)
  }
  return text out
}
