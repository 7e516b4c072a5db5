"""All that differs between boards and between runtimes. Only this folder may import `machine`, `network`,
`esp32` or `onewire`.
"""
